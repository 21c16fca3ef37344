/**
 * The text form of records and the conflict of two writers, shared by all storages.
 *
 * @module
 */
import { StorageError } from './errors.ts';

/** An operation on a storage. */
export type StorageOperation = StorageError['operation'];

/**
 * Returns a record as JSON.
 *
 * @throws StorageError for a record that JSON cannot express. The error has no cause, because the message of `JSON.stringify` may quote
 *   the record.
 */
export function serializeRecord(record: object): string {
  try {
    const text = JSON.stringify(record) as string | undefined; // `undefined`: its `toJSON()` returned that
    if (text !== undefined) return text;
  } catch {}
  throw new StorageError('The record is not plain JSON.', { operation: 'write' });
}

/** Returns the record that a text contains. Returns a text that is not JSON unchanged: the manager rejects it. */
export function parseRecord(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Returns the error of a write or delete that expected another version (law storage-3). */
export function versionConflict(operation: StorageOperation): StorageError {
  return new StorageError('Another version is stored than expected.', {
    operation,
    conflict: true,
  });
}
