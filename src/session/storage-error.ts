/**
 * Turns the errors of storages into `StorageError`s without secrets.
 *
 * @module
 */

import { isConflict, isTokenKeepError, StorageError } from '../core/errors.ts';
import { safeCause } from '../core/http/network-error.ts';
import type { Secrets } from '../core/redact.ts';
import { type StorageOperation, versionConflict } from '../core/stored-record.ts';

/** Returns the secrets that the error of an operation may quote. Called only if there is an error. */
export type KnownSecrets = () => Secrets;

/**
 * Returns the error of a storage without secrets. A `StorageError` is redacted as well, because it may quote the message of a
 * database.
 */
export function storageError(operation: StorageOperation, error: unknown, known: KnownSecrets): StorageError {
  // A conflict is a common result, not a fault. Its message is dropped, which avoids the search for secrets.
  if (isConflict(error)) {
    return versionConflict(operation);
  }
  const cause = safeCause(error, known());
  return isTokenKeepError(error) && error.code === 'ERR_STORAGE' && cause !== undefined
    ? new StorageError(cause.message, { operation: error.operation, cause: cause.cause })
    : new StorageError(`The storage failed to ${operation} the session.`, { operation, cause });
}

/** Handles the rejection of an operation that lost to another writer. @throws any other error */
export function unlessConflict(error: unknown): undefined {
  if (!isConflict(error)) throw error;
}
