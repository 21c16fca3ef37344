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
  /** `undefined`: not stored yet, and nothing else is. */
  readonly version: Version | undefined;
}

/** A record that there is, in the storage or waiting for it. */
export interface FoundRecord extends VersionedRecord {
  readonly kind: 'record';
}

/** A stored value that is not a session of ours. */
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

/** Of a login: it replaces whatever is stored when it is first tried. */
export interface LoginWrite {
  readonly kind: 'login';
  /** The stored login that it was last about to replace. `undefined`: it has not been tried, so it may replace any. */
  replacing?: { readonly login: unknown };
  /** Its record with a marker, for a storage that may have held it before: it may be spent. */
  readonly marked: SessionRecord;
}

/** The records that a record may replace. */
export type WriteCondition =
  | LoginWrite
  /** The record with the refresh token that was spent for it. */
  | { readonly kind: 'successor'; readonly sentToken: string | undefined };

/** A record that the storage has refused so far. Its version is that of the record that it replaces. */
export interface UnsavedRecord extends FoundRecord {
  readonly condition: WriteCondition;
  /** How often writing it has failed. */
  readonly failures: number;
}

/** The result of storing a record. */
export type CommitResult =
  | {
      readonly kind: 'stored';
      /** How many changes had been announced when it was read back, see `PendingWork.knowChanges()`. */
      readonly changes: number;
    }
  /** The storage refuses it; it is in memory and in use (law commit-before-use). */
  | { readonly kind: 'kept-in-memory'; readonly error: TokenKeepError }
  /** Someone signed out meanwhile (law sign-out-wins). */
  | { readonly kind: 'signed-out' }
  /** Someone stored other tokens meanwhile (law compare-and-clear). */
  | { readonly kind: 'superseded' };

/**
 * Judges a write by what is read back: a storage that says "written" and keeps the old record would have the spent refresh token sent
 * again.
 *
 * @throws StorageError if the storage does not hold what it accepted.
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

/** The login that a stored value descends from, if it says so. */
export function storedLogin(stored: Stored | undefined): unknown {
  return (stored?.record as { login?: unknown } | null | undefined)?.login;
}
