/**
 * A session's record in the storage: read with suspicion, written by compare-and-set, never lost when a write fails.
 *
 * @module
 */
import type { Stored, TokenStorage, Version } from '../core/contracts.ts';
import { isConflict, isMisconfigured, type TokenKeepError } from '../core/errors.ts';
import type { AnyTokenEvent } from '../core/events.ts';
import { backoff } from '../core/reconcile.ts';
import type { Secrets } from '../core/redact.ts';
import {
  type Owner,
  readRecord,
  type SessionRecord,
  secretsIn,
  type Unreadable,
} from '../core/session-record.ts';
import { type BoundedStorage, boundedStorage } from './bounded-storage.ts';
import { conflictsForEver, type Fate, type Found, fateOf, loginOf, notKept, sameTokens } from './fate.ts';
import { newerSchema } from './refusal.ts';
import { Arrival, type Replaces, type Session } from './session.ts';
import type { FullClock } from './waiting.ts';

export interface SessionStoreOptions {
  readonly storage: TokenStorage;
  readonly clock: FullClock;
  /** How long one operation may take, in ms. */
  readonly timeout: number;
  readonly owner: () => Owner;
  /** `true`: sessions take no login to begin, so a record holds nothing that could be lost. */
  readonly isExpendable: boolean;
  readonly tell: (event: AnyTokenEvent) => void;
}

/** What a session is before anything of it is stored. */
type First = Pick<SessionRecord, 'accessTokens' | 'login' | 'refreshToken' | 'issuer' | 'thumbprint'>;

/** A stored value that is not a session of ours. */
export interface RejectedValue {
  readonly version: Version;
  readonly value: unknown;
  readonly reason: Unreadable;
}

/** Collects what is to be told once the lock is released. */
export type Telling = (event: AnyTokenEvent) => void;

export class SessionStore {
  readonly #options: SessionStoreOptions;
  readonly #storage: BoundedStorage;
  /** What else belongs to a session ends as well, and fails with nothing but a `StorageError`. */
  readonly bounded: BoundedStorage['bounded'];
  /** Sessions with a successor that is not stored yet: nothing else may be all that keeps them alive. */
  readonly #unsaved: Map<Session, unknown> = new Map();
  /** Unreadable values, by session: the last one that was found under its key, and the one that was replaced. Most sessions have none. */
  readonly #rejected: WeakMap<Session, RejectedValue> = new WeakMap();
  readonly #replaced: WeakMap<Session, RejectedValue> = new WeakMap();
  /** Sessions that are known to be kept in another storage than the preferred one. */
  readonly #displaced: WeakSet<Session> = new WeakSet();

  constructor(options: SessionStoreOptions) {
    this.#options = options;
    this.#storage = boundedStorage(options.storage, options.clock, options.timeout);
    this.bounded = this.#storage.bounded;
  }

  /**
   * Reads what is stored. A value that is not a session of ours is reported, left alone and not used.
   *
   * @throws ConfigurationError for a session of a newer version of this package.
   */
  async read(session: Session, tell: Telling): Promise<Found | undefined> {
    const found = await this.look(session, tell);
    this.refuseNewer(found);
    return typeof found === 'string' ? undefined : found;
  }

  /** Reads what is stored, and says what is wrong with a value that is not a session of ours. */
  async look(session: Session, tell: Telling): Promise<Found | Unreadable | undefined> {
    const stored = await this.#read(session, tell);
    if (stored === undefined) return undefined;
    const record = this.#judge(stored.record);
    if (typeof record !== 'string') {
      session.known = true;
      return { record, version: stored.version };
    }
    this.#rejected.set(session, { version: stored.version, value: stored.record, reason: record });
    if (session.rejected !== stored.version) {
      session.rejected = stored.version;
      tell({ type: 'recordRejected', ...session.about(), reason: record });
    }
    return record;
  }

  /** @throws ConfigurationError for a session of a newer version, which must not be overwritten unnoticed. */
  refuseNewer(found: Found | SessionRecord | Unreadable | undefined): void {
    if (found === 'newer schema' && !this.#options.isExpendable) throw newerSchema();
  }

  /** Notes that the value found last under the key of a session has been replaced. */
  markReplaced(session: Session): void {
    const rejected = this.#rejected.get(session);
    if (rejected !== undefined) this.#replaced.set(session, rejected);
    this.#rejected.delete(session);
  }

  /** Returns what was replaced since the last call. */
  takeReplaced(session: Session): RejectedValue | undefined {
    const replaced = this.#replaced.get(session);
    this.#replaced.delete(session);
    return replaced;
  }

  /** Reads what is stored, and begins the session if that is nothing, or nothing of ours. */
  async begin(session: Session, first: () => Promise<First>, tell: Telling): Promise<Found | undefined> {
    const found = await this.look(session, tell);
    if (typeof found === 'object') return found;
    const { clientId } = this.#options.owner();
    const record: SessionRecord = { schema: 1, clientId, ...(await first()) };
    try {
      if (found === undefined) return { record, version: await this.write(session, record, undefined) };
      const version = await this.write(session, record, session.rejected);
      this.markReplaced(session);
      return { record, version };
    } catch (error) {
      if (!isConflict(error)) throw error;
      return await this.read(session, tell); // someone else has begun it
    }
  }

  async write(session: Session, record: SessionRecord, ifVersion: Version | undefined): Promise<Version> {
    return await this.#storage.write(session.key, record, ifVersion);
  }

  async delete(session: Session, ifVersion?: Version, record?: SessionRecord): Promise<void> {
    await this.#storage.delete(session.key, ifVersion, () => secretsOf(session, record));
  }

  async #read(session: Session, tell: Telling): Promise<Stored | undefined> {
    const stored = await this.#storage.read(session.key, () => secretsOf(session));
    const reason = this.#options.storage.unavailable?.();
    if (reason !== undefined && !this.#displaced.has(session)) {
      this.#displaced.add(session);
      tell({ type: 'storageUnavailable', session: session.id, reason });
    }
    return stored;
  }

  /** Reads a stored value. A custom storage may return anything, including an object whose getters throw. */
  #judge(value: unknown): SessionRecord | Unreadable {
    try {
      return readRecord(value, this.#options.owner());
    } catch {
      return 'corrupt';
    }
  }

  /** Hears of changes of what is stored, where the storage can tell. Returns how to stop. */
  watch(session: Session, listener: () => void): () => void {
    try {
      return this.#options.storage.watch?.(session.key, listener) ?? (() => {});
    } catch {
      return () => {}; // a timer calls this, and an error there would end the process; without a watch the caller waits the full time
    }
  }

  /** Tells of a sign-out where the storage does not reach. Best effort: what is here is gone already. */
  announceSignOut(session: Session): void {
    try {
      this.#options.storage.signedOut?.(session.key);
    } catch {}
  }

  /** Makes a successor durable, or keeps it in memory until it is. */
  async commit(session: Session, successor: Found, spent: Replaces, tell: Telling): Promise<Fate> {
    const { epoch, unsaved } = session;
    try {
      const fate =
        spent instanceof Arrival
          ? await this.#replace(session, successor.record, spent, tell)
          : await this.#store(session, successor, spent, tell);
      // While it was written a timer, or whoever holds the lock, may have stored it and gone on.
      if (session.unsaved === unsaved) this.#saved(session, fate, tell);
      return fate;
    } catch (error) {
      // A new login fails with this error. A successor that is being stored again was accepted before, and stays in use.
      if (isNewerSchema(error) && unsaved === undefined) throw error;
      // Or someone signed out or in: it must not come back as something to be written.
      if (session.epoch !== epoch || session.unsaved !== unsaved) return 'superseded';
      session.unsaved = {
        record: successor.record,
        ifVersion: successor.version,
        spent,
        failures: (unsaved?.failures ?? 0) + 1,
      };
      tell({ type: 'persistFailed', ...session.about(), error: error as TokenKeepError });
      this.#retryLater(session);
      return 'unsaved';
    }
  }

  /** Tries once more to store what the storage refused before. Nothing to do is `'durable'`. */
  async flush(session: Session, tell: Telling): Promise<Fate> {
    const { unsaved } = session;
    if (unsaved === undefined) return 'durable';
    return await this.commit(
      session,
      { record: unsaved.record, version: unsaved.ifVersion },
      unsaved.spent,
      tell,
    );
  }

  /** Gives up on a successor, because it must not be stored any more. */
  drop(session: Session): void {
    session.unsaved = undefined;
    this.#options.clock.clearTimeout(this.#unsaved.get(session));
    this.#unsaved.delete(session);
  }

  /** Stores what is not stored yet, once, and stops trying. */
  async close(): Promise<void> {
    for (const [session, timer] of this.#unsaved) {
      this.#options.clock.clearTimeout(timer);
      await this.flush(session, this.#options.tell);
      this.#options.clock.clearTimeout(this.#unsaved.get(session));
    }
    this.#unsaved.clear();
  }

  /** A login replaces whatever is stored, but nothing that has come after it when it is tried again. */
  async #replace(session: Session, record: SessionRecord, arrival: Arrival, tell: Telling): Promise<Fate> {
    const { epoch } = session;
    const { over } = arrival;
    for (let conflicts = 0; conflicts < 10; conflicts++) {
      const stored = await this.#read(session, tell);
      if (session.epoch !== epoch) return 'superseded';
      const login = loginOf(stored);
      // Only the answer was lost. Perhaps others have refreshed since: what we have is spent then.
      if (login !== undefined && login === record.login) return 'durable';
      const reason = stored === undefined ? undefined : this.#judge(stored.record);
      this.refuseNewer(reason);
      if (over !== undefined && stored !== undefined && login !== over.login) return 'superseded';
      arrival.over = { login };
      try {
        const version = await this.write(session, record, stored?.version);
        if (session.epoch !== epoch) return await this.#takeBack(session, version);
        const found = await this.#readBack(session, { record, version }, tell);
        if (typeof found === 'string' || (found !== undefined && found.version === stored?.version)) {
          throw notKept();
        }
        if (stored !== undefined && typeof reason === 'string') {
          this.#replaced.set(session, { version: stored.version, value: stored.record, reason });
        }
        return 'durable';
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
    throw conflictsForEver();
  }

  /** What was accepted is stored, also when it cannot be read back. */
  async #readBack(session: Session, accepted: Found, tell: Telling): Promise<Found | Unreadable | undefined> {
    return await this.look(session, tell).catch(() => accepted);
  }

  /** Law 6: while a login was written someone signed out, or in once more, and has looked at what was there before. */
  async #takeBack(session: Session, version: Version): Promise<Fate> {
    await this.delete(session, version).catch((error: unknown) => {
      if (!isConflict(error)) throw error;
    });
    return 'superseded';
  }

  /** @throws StorageError for anything but a conflict, which is an answer. */
  async #store(session: Session, successor: Found, spent: string | undefined, tell: Telling): Promise<Fate> {
    const { record } = successor;
    let { version } = successor;
    for (let conflicts = 0; conflicts < 10; conflicts++) {
      try {
        const written = await this.write(session, record, version);
        const found = await this.#readBack(session, { record, version: written }, tell);
        return fateOf(record, written, found, spent);
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
      // Another version is stored: a sign-out, a login, a mark on what we spent, or our own write of which
      // only the answer was lost.
      const found = await this.look(session, tell);
      if (found === undefined) return 'signed out';
      if (typeof found === 'string') throw notKept();
      if (found.record.refreshToken !== spent || spent === undefined) {
        return sameTokens(found.record, record) ? 'durable' : 'superseded';
      }
      if (sameTokens(found.record, record)) return 'durable';
      version = found.version;
    }
    throw conflictsForEver();
  }

  #saved(session: Session, fate: Fate, tell: Telling): void {
    if (session.unsaved === undefined) return;
    this.drop(session);
    if (fate === 'durable') tell({ type: 'persisted', ...session.about() });
  }

  #retryLater(session: Session): void {
    const { clock, tell } = this.#options;
    clock.clearTimeout(this.#unsaved.get(session));
    const retry = () => void this.flush(session, tell);
    const pause = backoff(session.unsaved?.failures ?? 1, Math.random());
    this.#unsaved.set(session, clock.setTimeout(retry, pause));
  }
}

/** Returns the secrets of a session in this process: of `record`, of a record that is not stored yet, and of memory. */
export function secretsOf(
  session: Session,
  record: SessionRecord | undefined = session.unsaved?.record,
): Secrets {
  const held = session.allHeld.map(([, { token }]) => token);
  return record === undefined ? held : [...held, ...secretsIn(record)];
}

function isNewerSchema(error: unknown): boolean {
  return isMisconfigured(error) && error.reason === 'newer_schema';
}
