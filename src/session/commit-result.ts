/**
 * What became of a record that was to be stored, judged by what is stored.
 *
 * @module
 */
import type { Stored, Version } from '../core/contracts.ts';
import { StorageError } from '../core/errors.ts';
import type { RecordRejection } from '../core/session/read-record.ts';
import type { SessionRecord } from '../core/session/session-record.ts';

/** A record and the version it was read at. */
export interface VersionedRecord {
  readonly record: SessionRecord;
  /** `undefined`: not stored yet, and nothing else is. */
  readonly version: Version | undefined;
}

/** What became of a successor. */
export type CommitResult =
  /** It is stored. */
  | 'stored'
  /** The storage refuses it; it is in memory and in use (law commit-before-use). */
  | 'kept-in-memory'
  /** Someone signed out meanwhile (law sign-out-wins). */
  | 'signed-out'
  /** Someone stored other tokens meanwhile (law compare-and-clear). */
  | 'superseded';

/** Read back: a storage that says "written" and keeps the old record would have the spent refresh token sent again. */
export function commitResultOf(
  record: SessionRecord,
  version: Version,
  found: VersionedRecord | RecordRejection | undefined,
  spent: string | undefined,
): CommitResult {
  if (found === undefined) return 'signed-out';
  if (typeof found === 'string') throw recordNotKept();
  if (found.version === version || hasSameTokens(found.record, record)) return 'stored';
  if (found.record.refreshToken !== spent || record.refreshToken === spent) return 'superseded';
  throw recordNotKept();
}

export function recordNotKept(): StorageError {
  return new StorageError('The storage accepted a record and does not hold it.', { operation: 'write' });
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
