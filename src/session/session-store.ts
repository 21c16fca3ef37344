/**
 * Reads and writes the stored record of a session. A read validates the value. A write compares and sets. A record whose write
 * failed is kept in memory.
 *
 * @module
 */

import { startTimer, type TimeLimit, withTimeout } from '../async/abortable.ts';
import type { Stored, TokenStorage, Version } from '../core/contracts.ts';
import { isConfigurationError, isConflict, type TokenKeepError } from '../core/errors.ts';
import type { AnyTokenEvent } from '../core/events.ts';
import { ownMembers, readMember } from '../core/own-members.ts';
import type { Secrets } from '../core/redact.ts';
import { type RecordRejection, readRecord, type SessionOwner } from '../core/session/read-record.ts';
import { backoff } from '../core/session/refresh-decision.ts';
import { type SessionRecord, secretsIn } from '../core/session/session-record.ts';
import type { StorageOperation } from '../core/stored-record.ts';
import {
  type CommitResult,
  commitResultOf,
  type FoundRecord,
  hasSameTokens,
  type LoginWrite,
  type RejectedValue,
  recordNotKept,
  type StoredSession,
  storedLogin,
  tooManyConflicts,
  type VersionedRecord,
  versionOf,
  type WriteCondition,
} from './record-write.ts';
import type { Session } from './session.ts';
import { newerSchema } from './session-errors.ts';
import { type KnownSecrets, storageError, unlessConflict } from './storage-error.ts';

/** Options of a {@link SessionStore}. The time limit applies to each operation. */
export interface SessionStoreOptions extends TimeLimit {
  readonly storage: TokenStorage;
  readonly clientId: string;
  /** The owner of these sessions, as far as it is known at the time of a read. */
  readonly server: Omit<SessionOwner, 'clientId'>;
  /** `true`: sessions take no login to begin, so a record holds nothing that could be lost. */
  readonly needsNoLogin: boolean;
  readonly emit: (event: AnyTokenEvent) => void;
}

/** The state with which a session is first stored. */
type InitialRecord = Pick<SessionRecord, 'accessTokens' | 'login' | 'refreshToken' | 'issuer' | 'thumbprint'>;

/** Emits an event, or collects it until the lock is released. */
export type EmitEvent = (event: AnyTokenEvent) => void;

export class SessionStore {
  readonly #options: SessionStoreOptions;
  /** Sessions with a successor that is not stored yet. These entries keep the sessions from being collected. */
  #unsaved: Map<Session, unknown> | undefined = undefined;
  /** The rejected value that was replaced, by session. Most sessions have none. */
  #replaced: WeakMap<Session, RejectedValue> | undefined = undefined;
  /** Sessions that are known to be kept in a storage other than the preferred one. */
  #inFallbackStorage: WeakSet<Session> | undefined = undefined;

  constructor(options: SessionStoreOptions) {
    this.#options = options;
  }

  /**
   * Runs an operation on the storage, or another one of a session, for at most `timeout` ms. A later result is ignored.
   *
   * @param known the secrets that an error may quote. Called only if there is an error.
   * @throws StorageError for any error of the operation.
   */
  async runBounded<T>(
    operation: StorageOperation,
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
   * Reads the stored record. Reports a value that is not a session of this client, keeps it and does not use it.
   *
   * @throws ConfigurationError for a session of a newer version of this package.
   */
  async read(session: Session, emit: EmitEvent): Promise<FoundRecord | undefined> {
    const found = await this.readOrReject(session, emit);
    this.assertNotNewer(found);
    return found.kind === 'record' ? found : undefined;
  }

  /** Reads the stored value. Reports a value that is not a session of this client, once for each version. */
  async readOrReject(session: Session, emit: EmitEvent): Promise<StoredSession> {
    const found = this.#parse(await this.#readStored(session, emit));
    if (found.kind === 'record' && !session.hasSeenTokens) session.noteTokensSeen();
    if (found.kind === 'rejected' && session.noteRejected(found.version))
      emit({ type: 'recordRejected', ...session.eventContext(), reason: found.reason });
    return found;
  }

  /**
   * Checks that the stored session is not one of a newer version, which must not be overwritten silently.
   *
   * @throws ConfigurationError
   */
  assertNotNewer(found: StoredSession): void {
    if (found.kind === 'rejected' && found.reason === 'newer schema' && !this.#options.needsNoLogin)
      throw newerSchema();
  }

  /** Notes that a value that was not a session of this client has been replaced. */
  markReplaced(session: Session, rejected: RejectedValue): void {
    this.#replaced ??= new WeakMap();
    this.#replaced.set(session, rejected);
  }

  /** Returns the value that was replaced since the last call. */
  takeReplaced(session: Session): RejectedValue | undefined {
    const replaced = this.#replaced?.get(session);
    this.#replaced?.delete(session);
    return replaced;
  }

  /** Reads the stored record. Creates it if nothing is stored, or if the value is not a session of this client. */
  async readOrCreate(
    session: Session,
    initial: () => Promise<InitialRecord>,
    emit: EmitEvent,
  ): Promise<FoundRecord | undefined> {
    const found = await this.readOrReject(session, emit);
    if (found.kind === 'record') return found;
    const { clientId } = this.#options;
    const record: SessionRecord = ownMembers({ schema: 1, clientId, ...(await initial()) });
    try {
      const version = await this.write(session, record, versionOf(found));
      if (found.kind === 'rejected') this.markReplaced(session, found);
      return { kind: 'record', record, version };
    } catch (error) {
      if (!isConflict(error)) throw error;
      return await this.read(session, emit); // another process has created it
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
    if (reason !== undefined && !this.#inFallbackStorage?.has(session)) {
      this.#inFallbackStorage ??= new WeakSet();
      this.#inFallbackStorage.add(session);
      emit({ type: 'storageUnavailable', session: session.id, reason });
    }
    return stored;
  }

  /** Parses a stored value. A custom storage may return anything, including an object whose getters throw. */
  #parse(stored: Stored | undefined): StoredSession {
    if (stored === undefined) return { kind: 'none' };
    const { version, record: value } = stored;
    const { clientId, server } = this.#options;
    const { issuers, isNamed, profile } = server;
    let record: SessionRecord | RecordRejection = 'corrupt';
    try {
      record = readRecord(value, { clientId, issuers, isNamed, profile });
    } catch {}
    return typeof record === 'string'
      ? { kind: 'rejected', version, value, reason: record }
      : { kind: 'record', record, version };
  }

  /**
   * Subscribes to changes of the stored record, if the storage can report them. Returns a function that unsubscribes.
   *
   * @throws the errors of the storage's `watch()`.
   */
  watch(session: Session, listener: () => void): () => void {
    const { storage } = this.#options;
    return readMember(storage, 'watch')?.call(storage, session.key, listener) ?? unwatched;
  }

  /**
   * Stores the record of a login or the successor of a record. If the write fails, keeps it in memory and retries.
   *
   * @param successor its version is that of the record that it replaces.
   */
  async commit(
    session: Session,
    successor: VersionedRecord,
    condition: WriteCondition,
    emit: EmitEvent,
  ): Promise<CommitResult> {
    const { epoch, unsaved } = session;
    try {
      const result =
        condition.kind === 'login'
          ? await this.#writeLogin(session, successor.record, condition, emit)
          : await this.#writeSuccessor(session, successor, condition.sentToken, emit);
      // During the write, a timer or the holder of the lock may have stored the record and continued.
      if (session.unsaved === unsaved) this.#onCommitted(session, result, emit);
      return result;
    } catch (error) {
      // A new login fails with this error. A successor whose write is retried was accepted before, and stays in use.
      if (isNewerSchema(error) && unsaved === undefined) throw error;
      // During the write, the user may have signed out or in. Then the record must not be written again.
      if (session.epoch !== epoch || session.unsaved !== unsaved) return { kind: 'superseded' };
      const failures = (unsaved?.failures ?? 0) + 1;
      session.keepUnsaved({ ...successor, kind: 'record', condition, failures });
      const storeError = error as TokenKeepError;
      emit({ type: 'storeFailed', ...session.eventContext(), error: storeError });
      this.#retryLater(session);
      return { kind: 'kept-in-memory', error: storeError };
    }
  }

  /** Retries the write that the storage refused before, if there is one. */
  async flush(session: Session, emit: EmitEvent): Promise<void> {
    const { unsaved } = session;
    if (unsaved === undefined) return;
    await this.commit(session, unsaved, unsaved.condition, emit);
  }

  /** Discards a successor that must not be stored any more. */
  discardUnsaved(session: Session): void {
    session.keepUnsaved(undefined);
    this.#options.clock.clearTimeout(this.#unsaved?.get(session));
    this.#unsaved?.delete(session);
  }

  /** Writes each unsaved record once more, and stops retrying. */
  async close(): Promise<void> {
    for (const [session, timer] of this.#unsaved ?? []) {
      this.#options.clock.clearTimeout(timer);
      await this.flush(session, this.#options.emit);
      this.#options.clock.clearTimeout(this.#unsaved?.get(session));
    }
    this.#unsaved = undefined;
  }

  /** Writes the record of a login. The first attempt replaces any record. A retry does not replace a later one. */
  async #writeLogin(
    session: Session,
    record: SessionRecord,
    loginWrite: LoginWrite,
    emit: EmitEvent,
  ): Promise<CommitResult> {
    const { epoch, unsaved } = session;
    const { replacing } = loginWrite;
    for (let conflicts = 0; conflicts < 10; conflicts++) {
      const stored = await this.#readStored(session, emit);
      // During the read, the user may have signed out or in, or another attempt may have stored the login. The stored record may
      // be newer.
      if (session.epoch !== epoch || session.unsaved !== unsaved) return { kind: 'superseded' };
      const login = storedLogin(stored);
      // The earlier write succeeded, and only its response was lost. Others may have refreshed since, so our refresh token may be
      // spent.
      if (login !== undefined && login === record.login) return { kind: 'stored', changes: 0 };
      const before = this.#parse(stored);
      this.assertNotNewer(before);
      if (replacing && stored && login !== replacing.login) return { kind: 'superseded' };
      // An earlier attempt may have been stored, spent and signed out of. An empty storage does not show it.
      const written = loginWrite.replacing && !stored ? loginWrite.withMarker : record;
      loginWrite.replacing = { login };
      const result = await this.#replace(session, before, written, emit).catch(unlessConflict);
      if (result !== undefined) return result;
    }
    throw tooManyConflicts();
  }

  /**
   * Replaces the stored value.
   *
   * @throws StorageError, with `conflict` if a version other than `before` is stored.
   */
  async #replace(
    session: Session,
    before: StoredSession,
    record: SessionRecord,
    emit: EmitEvent,
  ): Promise<CommitResult> {
    const { epoch } = session;
    const ifVersion = versionOf(before);
    const version = await this.write(session, record, ifVersion);
    if (session.epoch !== epoch) {
      // Law sign-out-wins: during the write, the user signed out, or signed in again. That operation may have read the storage
      // before our write.
      await this.delete(session, version).catch(unlessConflict);
      return { kind: 'superseded' };
    }
    const found = await this.#readBack(session, record, version, emit);
    if (found.kind === 'rejected' || (found.kind === 'record' && found.version === ifVersion))
      throw recordNotKept();
    if (before.kind === 'rejected') this.markReplaced(session, before);
    return { kind: 'stored', changes: 0 };
  }

  /** Reads the record that was just written. An accepted record counts as stored even if this read fails. */
  async #readBack(
    session: Session,
    record: SessionRecord,
    version: Version,
    emit: EmitEvent,
  ): Promise<StoredSession> {
    return await this.readOrReject(session, emit).catch(() => ({ kind: 'record', record, version }));
  }

  /**
   * Writes a successor. Handles conflicts.
   *
   * @throws StorageError for any other error.
   */
  async #writeSuccessor(
    session: Session,
    successor: VersionedRecord,
    sentToken: string | undefined,
    emit: EmitEvent,
  ): Promise<CommitResult> {
    const { record } = successor;
    let { version } = successor;
    for (let conflicts = 0; conflicts < 10; conflicts++) {
      try {
        const written = await this.write(session, record, version);
        const { changes } = session.pending;
        const found = await this.#readBack(session, record, written, emit);
        return commitResultOf(record, written, found, changes, sentToken);
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
      // The stored version is another one: that of a sign-out, a login, a marker on the spent record, or our own write whose
      // response was lost.
      const found = await this.readOrReject(session, emit);
      if (found.kind === 'none') return { kind: 'signed-out' };
      if (found.kind === 'rejected') throw recordNotKept();
      if (hasSameTokens(found.record, record)) return { kind: 'stored', changes: 0 };
      if (found.record.refreshToken !== sentToken || sentToken === undefined) return { kind: 'superseded' };
      version = found.version;
    }
    throw tooManyConflicts();
  }

  #onCommitted(session: Session, result: CommitResult, emit: EmitEvent): void {
    if (session.unsaved === undefined) return;
    this.discardUnsaved(session);
    if (result.kind === 'stored') emit({ type: 'stored', ...session.eventContext() });
  }

  #retryLater(session: Session): void {
    const { clock, emit } = this.#options;
    this.#unsaved ??= new Map();
    clock.clearTimeout(this.#unsaved.get(session));
    const retry = () => void this.flush(session, emit);
    const pause = backoff(session.unsaved?.failures ?? 1, Math.random());
    this.#unsaved.set(session, startTimer(clock, retry, pause));
  }
}

/** Does nothing, because the storage cannot report changes. */
export const unwatched = (): void => {};

/** Returns the secrets of a session in this process: those of `record`, of an unsaved record, and of memory. */
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
