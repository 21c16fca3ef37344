/**
 * Records as text, and the one error that is an answer.
 *
 * @module
 */
import { StorageError } from '../core/errors.ts';

/** @throws StorageError for what is not JSON. */
export function serializeRecord(record: object): string {
  try {
    return JSON.stringify(record);
  } catch {
    throw new StorageError('What is not JSON cannot be stored.', { operation: 'write' });
  }
}

/** What is no record of ours is handed over as it is: the manager judges it. */
export function parseRecord(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

export function versionConflict(operation: 'write' | 'delete'): StorageError {
  return new StorageError('Another version is stored than the one that was expected.', {
    operation,
    conflict: true,
  });
}
