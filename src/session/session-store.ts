/**
 * A session's record in the storage: read with suspicion, written by compare-and-set, never lost when a write fails.
 *
 * @module
 */

import { type TimeLimit, withTimeout } from '../async/abortable.ts';
import type { Stored, TokenStorage, Version } from '../core/contracts.ts';
import { isConfigurationError, isConflict, type StorageError, type TokenKeepError } from '../core/errors.ts';
import type { AnyTokenEvent } from '../core/events.ts';
import { ownMembers } from '../core/own-members.ts';
import type { Secrets } from '../core/redact.ts';
import { type RecordRejection, readRecord, type SessionOwner } from '../core/session/read-record.ts';
import { backoff } from '../core/session/refresh-decision.ts';
import { type SessionRecord, secretsIn } from '../core/session/session-record.ts';
import {
  type CommitResult,
  commitResultOf,
  hasSameTokens,
  recordNotKept,
  storedLogin,
  tooManyConflicts,
  type VersionedRecord,
} from './commit-result.ts';
import { LoginWrite, type Session, type WriteCondition } from './session.ts';
import { newerSchema } from './session-errors.ts';
import { type KnownSecrets, storageError } from './storage-error.ts';

/** The limit is that of one operation. */
export interface SessionStoreOptions extends TimeLimit {
  readonly storage: TokenStorage;
  readonly clientId: string;
  /** Whose sessions these are, as far as it is known at the time of a read. */
  readonly server: Omit<SessionOwner, 'clientId'>;
  /** `true`: sessions take no login to begin, so a record holds nothing that could be lost. */
  readonly needsNoLogin: boolean;
  readonly emit: (event: AnyTokenEvent) => void;
}

/** What a session is before anything of it is stored. */
type InitialRecord = Pick<SessionRecord, 'accessTokens' | 'login' | 'refreshToken' | 'issuer' | 'thumbprint'>;

/** A stored value that is not a session of ours. */
export interface RejectedValue {
  readonly version: Version;
  readonly value: unknown;
  readonly reason: RecordRejection;
}

/** Emits an event, or collects it until the lock is released. */
export type EmitEvent = (event: AnyTokenEvent) => void;

export class SessionStore {
  readonly #options: SessionStoreOptions;
  /** Sessions with a successor that is not stored yet: nothing else may be all that keeps them alive. */
  readonly #unsaved: Map<Session, unknown> = new Map();
  /** Rejected values, by session: the last one that was found under its key, and the one that was replaced. Most sessions have none. */
  readonly #rejected: WeakMap<Session, RejectedValue> = new WeakMap();
  readonly #replaced: WeakMap<Session, RejectedValue> = new WeakMap();
  /** Sessions that are known to be kept in another storage than the preferred one. */
  readonly #inFallbackStorage: WeakSet<Session> = new WeakSet();

  constructor(options: SessionStoreOptions) {
    this.#options = options;
  }

  /**
   * Runs an operation of the storage, or of anything else that belongs to a session, for at most `timeout` ms. What becomes of one
   * that takes longer does not count.
   *
   * @param known the secrets that an error may quote. Called only when there is an error.
   * @throws StorageError for whatever the operation throws.
   */
  async runBounded<T>(
    operation: StorageError['operation'],
    run: () => Promise<T>,
    known: KnownSecrets = () => [],
  ): Promise<T> {
    try {
      return await withTimeout(this.#options, run());
    } catch (error) {
      throw storageError(operation, error, known);
    }
  }

  /**
   * Reads what is stored. A value that is not a session of ours is reported, left alone and not used.
   *
   * @throws ConfigurationError for a session of a newer version of this package.
   */
  async read(session: Session, emit: EmitEvent): Promise<VersionedRecord | undefined> {
    const found = await this.readOrReject(session, emit);
    this.assertNotNewer(found);
    return typeof found === 'string' ? undefined : found;
  }

  /** Reads what is stored, and says what is wrong with a value that is not a session of ours. */
  async readOrReject(
    session: Session,
    emit: EmitEvent,
  ): Promise<VersionedRecord | RecordRejection | undefined> {
    const stored = await this.#readStored(session, emit);
    if (stored === undefined) return undefined;
    const record = this.#parse(stored.record);
    if (typeof record !== 'string') {
      session.noteTokensSeen();
      return { record, version: stored.version };
    }
    this.#rejected.set(session, { version: stored.version, value: stored.record, reason: record });
    if (session.noteRejected(stored.version)) {
      emit({ type: 'recordRejected', ...session.eventContext(), reason: record });
    }
    return record;
  }

  /** @throws ConfigurationError for a session of a newer version, which must not be overwritten unnoticed. */
  assertNotNewer(found: VersionedRecord | SessionRecord | RecordRejection | undefined): void {
    if (found === 'newer schema' && !this.#options.needsNoLogin) throw newerSchema();
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
  async readOrCreate(
    session: Session,
    initial: () => Promise<InitialRecord>,
    emit: EmitEvent,
  ): Promise<VersionedRecord | undefined> {
    const found = await this.readOrReject(session, emit);
    if (typeof found === 'object') return found;
    const { clientId } = this.#options;
    const record: SessionRecord = ownMembers({ schema: 1, clientId, ...(await initial()) });
    try {
      if (found === undefined) return { record, version: await this.write(session, record, undefined) };
      const version = await this.write(session, record, session.rejectedVersion);
      this.markReplaced(session);
      return { record, version };
    } catch (error) {
      if (!isConflict(error)) throw error;
      return await this.read(session, emit); // someone else has begun it
    }
  }

  async write(session: Session, record: SessionRecord, ifVersion: Version | undefined): Promise<Version> {
    return await this.runBounded(
      'write',
      () => this.#options.storage.write(session.key, record, ifVersion),
      () => secretsIn(record),
    );
  }

  async delete(session: Session, ifVersion?: Version, record?: SessionRecord): Promise<void> {
    await this.runBounded(
      'delete',
      () => this.#options.storage.delete(session.key, ifVersion),
      () => secretsOf(session, record),
    );
  }

  async #readStored(session: Session, emit: EmitEvent): Promise<Stored | undefined> {
    const { storage } = this.#options;
    const stored = await this.runBounded(
      'read',
      () => storage.read(session.key),
      () => secretsOf(session),
    );
    const reason = storage.unavailable?.();
    if (reason !== undefined && !this.#inFallbackStorage.has(session)) {
      this.#inFallbackStorage.add(session);
      emit({ type: 'storageUnavailable', session: session.id, reason });
    }
    return stored;
  }

  /** Reads a stored value. A custom storage may return anything, including an object whose getters throw. */
  #parse(value: unknown): SessionRecord | RecordRejection {
    const { clientId, server } = this.#options;
    const { issuers, isNamed, profile } = server;
    try {
      return readRecord(value, { clientId, issuers, isNamed, profile });
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

  /** Makes a successor durable, or keeps it in memory until it is. */
  async commit(
    session: Session,
    successor: VersionedRecord,
    condition: WriteCondition,
    emit: EmitEvent,
  ): Promise<CommitResult> {
    const { epoch, unsaved } = session;
    try {
      const result =
        condition instanceof LoginWrite
          ? await this.#commitLogin(session, successor.record, condition, emit)
          : await this.#commitSuccessor(session, successor, condition, emit);
      // While it was written a timer, or whoever holds the lock, may have stored it and gone on.
      if (session.unsaved === unsaved) this.#onCommitted(session, result, emit);
      return result;
    } catch (error) {
      // A new login fails with this error. A successor that is being stored again was accepted before, and stays in use.
      if (isNewerSchema(error) && unsaved === undefined) throw error;
      // Or someone signed out or in: it must not come back as something to be written.
      if (session.epoch !== epoch || session.unsaved !== unsaved) return 'superseded';
      session.keepUnsaved({
        record: successor.record,
        ifVersion: successor.version,
        condition,
        failures: (unsaved?.failures ?? 0) + 1,
      });
      emit({ type: 'storeFailed', ...session.eventContext(), error: error as TokenKeepError });
      this.#retryLater(session);
      return 'kept-in-memory';
    }
  }

  /** Tries once more to store what the storage refused before. Nothing to do is `'stored'`. */
  async flush(session: Session, emit: EmitEvent): Promise<CommitResult> {
    const { unsaved } = session;
    if (unsaved === undefined) return 'stored';
    return await this.commit(
      session,
      { record: unsaved.record, version: unsaved.ifVersion },
      unsaved.condition,
      emit,
    );
  }

  /** Gives up on a successor, because it must not be stored any more. */
  discardUnsaved(session: Session): void {
    session.clearUnsaved();
    this.#options.clock.clearTimeout(this.#unsaved.get(session));
    this.#unsaved.delete(session);
  }

  /** Stores what is not stored yet, once, and stops trying. */
  async close(): Promise<void> {
    for (const [session, timer] of this.#unsaved) {
      this.#options.clock.clearTimeout(timer);
      await this.flush(session, this.#options.emit);
      this.#options.clock.clearTimeout(this.#unsaved.get(session));
    }
    this.#unsaved.clear();
  }

  /** A login replaces whatever is stored, but nothing that has come after it when it is tried again. */
  async #commitLogin(
    session: Session,
    record: SessionRecord,
    loginWrite: LoginWrite,
    emit: EmitEvent,
  ): Promise<CommitResult> {
    const { epoch } = session;
    const { replacing } = loginWrite;
    for (let conflicts = 0; conflicts < 10; conflicts++) {
      const stored = await this.#readStored(session, emit);
      if (session.epoch !== epoch) return 'superseded';
      const login = storedLogin(stored);
      // Only the response was lost. Perhaps others have refreshed since: what we have is spent then.
      if (login !== undefined && login === record.login) return 'stored';
      const reason = stored === undefined ? undefined : this.#parse(stored.record);
      this.assertNotNewer(reason);
      if (replacing !== undefined && stored !== undefined && login !== replacing.login) return 'superseded';
      loginWrite.replacing = { login };
      try {
        const version = await this.write(session, record, stored?.version);
        if (session.epoch !== epoch) return await this.#undoWrite(session, version);
        const found = await this.#readBack(session, { record, version }, emit);
        if (typeof found === 'string' || (found !== undefined && found.version === stored?.version)) {
          throw recordNotKept();
        }
        if (stored !== undefined && typeof reason === 'string') {
          this.#replaced.set(session, { version: stored.version, value: stored.record, reason });
        }
        return 'stored';
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
    throw tooManyConflicts();
  }

  /** What was accepted is stored, also when it cannot be read back. */
  async #readBack(
    session: Session,
    accepted: VersionedRecord,
    emit: EmitEvent,
  ): Promise<VersionedRecord | RecordRejection | undefined> {
    return await this.readOrReject(session, emit).catch(() => accepted);
  }

  /** Law sign-out-wins: while a login was written someone signed out, or in once more, and has looked at what was there before. */
  async #undoWrite(session: Session, version: Version): Promise<CommitResult> {
    await this.delete(session, version).catch((error: unknown) => {
      if (!isConflict(error)) throw error;
    });
    return 'superseded';
  }

  /** @throws StorageError for anything but a conflict, which is an answer. */
  async #commitSuccessor(
    session: Session,
    successor: VersionedRecord,
    spent: string | undefined,
    emit: EmitEvent,
  ): Promise<CommitResult> {
    const { record } = successor;
    let { version } = successor;
    for (let conflicts = 0; conflicts < 10; conflicts++) {
      try {
        const written = await this.write(session, record, version);
        const found = await this.#readBack(session, { record, version: written }, emit);
        return commitResultOf(record, written, found, spent);
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
      // Another version is stored: a sign-out, a login, a marker on what we spent, or our own write of which
      // only the response was lost.
      const found = await this.readOrReject(session, emit);
      if (found === undefined) return 'signed-out';
      if (typeof found === 'string') throw recordNotKept();
      if (found.record.refreshToken !== spent || spent === undefined) {
        return hasSameTokens(found.record, record) ? 'stored' : 'superseded';
      }
      if (hasSameTokens(found.record, record)) return 'stored';
      version = found.version;
    }
    throw tooManyConflicts();
  }

  #onCommitted(session: Session, result: CommitResult, emit: EmitEvent): void {
    if (session.unsaved === undefined) return;
    this.discardUnsaved(session);
    if (result === 'stored') emit({ type: 'stored', ...session.eventContext() });
  }

  #retryLater(session: Session): void {
    const { clock, emit } = this.#options;
    clock.clearTimeout(this.#unsaved.get(session));
    const retry = () => void this.flush(session, emit);
    const pause = backoff(session.unsaved?.failures ?? 1, Math.random());
    this.#unsaved.set(session, clock.setTimeout(retry, pause));
  }
}

/** Returns the secrets of a session in this process: of `record`, of a record that is not stored yet, and of memory. */
export function secretsOf(
  session: Session,
  record: SessionRecord | undefined = session.unsaved?.record,
): Secrets {
  const cached = session.cachedTokens.map(([, { token }]) => token);
  return record === undefined ? cached : [...cached, ...secretsIn(record)];
}

function isNewerSchema(error: unknown): boolean {
  return isConfigurationError(error) && error.reason === 'newer_schema';
}
