/**
 * What became of a record that was to be stored, judged by what is stored.
 *
 * @module
 */
import type { Stored, Version } from '../core/contracts.ts';
import { StorageError } from '../core/errors.ts';
import type { SessionRecord, Unreadable } from '../core/session-record.ts';

/** A record and the version it was read at. */
export interface Found {
  readonly record: SessionRecord;
  /** `undefined`: not stored yet, and nothing else is. */
  readonly version: Version | undefined;
}

/** What became of a successor. */
export type Fate =
  /** It is stored. */
  | 'durable'
  /** The storage refuses it; it is in memory and in use (law 2). */
  | 'unsaved'
  /** Someone signed out meanwhile (law 6). */
  | 'signed out'
  /** Someone stored other tokens meanwhile (law 3). */
  | 'superseded';

/** Read back: a storage that says "written" and keeps the old record would have the spent refresh token sent again. */
export function fateOf(
  record: SessionRecord,
  version: Version,
  found: Found | Unreadable | undefined,
  spent: string | undefined,
): Fate {
  if (found === undefined) return 'signed out';
  if (typeof found === 'string') throw notKept();
  if (found.version === version || sameTokens(found.record, record)) return 'durable';
  if (found.record.refreshToken !== spent || record.refreshToken === spent) return 'superseded';
  throw notKept();
}

export function notKept(): StorageError {
  return new StorageError('The storage accepted a record and does not hold it.', { operation: 'write' });
}

export function conflictsForEver(): StorageError {
  return new StorageError('The storage reports a conflict again and again.', { operation: 'write' });
}

export function sameTokens(one: SessionRecord, other: SessionRecord): boolean {
  return (
    one.refreshToken === other.refreshToken &&
    JSON.stringify(one.accessTokens) === JSON.stringify(other.accessTokens)
  );
}

/** The login that a stored value descends from, if it says so. */
export function loginOf(stored: Stored | undefined): unknown {
  return (stored?.record as { login?: unknown } | null | undefined)?.login;
}
