/**
 * The stored record of a session, and the result of writing to it.
 *
 * @module
 */
import type { Stored, Version } from '../core/contracts.ts';
import { StorageError, type TokenKeepError } from '../core/errors.ts';
import type { RecordRejection } from '../core/session/read-record.ts';
import type { SessionRecord } from '../core/session/session-record.ts';

/** A record and the version it was read at. */
export interface VersionedRecord {
  readonly record: SessionRecord;
  /** `undefined`: nothing is stored yet. */
  readonly version: Version | undefined;
}

/** An existing record: stored, or waiting to be stored. */
export interface FoundRecord extends VersionedRecord {
  readonly kind: 'record';
}

/** A stored value that is not a session of this client. */
export interface RejectedValue {
  readonly version: Version;
  readonly value: unknown;
  readonly reason: RecordRejection;
}

/** The value that the storage holds under the key of a session. */
export type StoredSession =
  | { readonly kind: 'none' }
  | FoundRecord
  | ({ readonly kind: 'rejected' } & RejectedValue);

/** Returns the version that a write replaces. `undefined`: nothing is stored. */
export function versionOf(found: StoredSession): Version | undefined {
  return found.kind === 'none' ? undefined : found.version;
}

/** Condition of a login. The first attempt replaces any record. */
export interface LoginWrite {
  readonly kind: 'login';
  /**
   * The stored login that the last attempt was about to replace. `undefined`: there was no attempt, so any login may be replaced.
   */
  replacing?: { readonly login: unknown };
  /** The record with a marker, because the storage may have held it before. Its refresh token may be spent. */
  readonly withMarker: SessionRecord;
}

/** The records that a record may replace. */
export type WriteCondition =
  | LoginWrite
  /** The condition of a successor: the record with the refresh token that was spent for it is stored. */
  | { readonly kind: 'successor'; readonly sentToken: string | undefined };

/** A record that the storage has refused so far. Its version is that of the record that it replaces. */
export interface UnsavedRecord extends FoundRecord {
  readonly condition: WriteCondition;
  /** Number of failed writes. */
  readonly failures: number;
}

/** The result of storing a record. */
export type CommitResult =
  | {
      readonly kind: 'stored';
      /** Number of changes that had been announced when the record was read back. See `PendingWork.knowChanges()`. */
      readonly changes: number;
    }
  /** The storage refuses the record. It is in memory and in use (law commit-before-use). */
  | { readonly kind: 'kept-in-memory'; readonly error: TokenKeepError }
  /** The user signed out meanwhile (law sign-out-wins). */
  | { readonly kind: 'signed-out' }
  /** Other tokens were stored meanwhile (law compare-and-clear). */
  | { readonly kind: 'superseded' };

/**
 * Judges a write by the record that is read back. If a storage confirms a write but keeps the old record, the spent refresh token
 * would be sent again.
 *
 * @throws StorageError if the storage does not hold the record that it accepted.
 */
export function commitResultOf(
  record: SessionRecord,
  version: Version,
  found: StoredSession,
  changes: number,
  sentToken: string | undefined,
): CommitResult {
  if (found.kind === 'none') return { kind: 'signed-out' };
  if (found.kind === 'rejected') throw recordNotKept();
  if (found.version === version || hasSameTokens(found.record, record)) return { kind: 'stored', changes };
  if (found.record.refreshToken !== sentToken || record.refreshToken === sentToken)
    return { kind: 'superseded' };
  throw recordNotKept();
}

export function recordNotKept(): StorageError {
  return new StorageError('The storage accepted a record but did not store it.', { operation: 'write' });
}

export function tooManyConflicts(): StorageError {
  return new StorageError('The storage reports a conflict again and again.', { operation: 'write' });
}

export function hasSameTokens(one: SessionRecord, other: SessionRecord): boolean {
  return (
    one.refreshToken === other.refreshToken &&
    JSON.stringify(one.accessTokens) === JSON.stringify(other.accessTokens)
  );
}

/** Returns the login that a stored value descends from, if the value names one. */
export function storedLogin(stored: Stored | undefined): unknown {
  return (stored?.record as { login?: unknown } | null | undefined)?.login;
}
