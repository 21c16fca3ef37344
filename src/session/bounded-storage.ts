/**
 * A storage whose operations end, and fail with nothing but a `StorageError`, whatever the storage beneath does.
 *
 * @module
 */

import { abortable, deadline, type RequiredClock } from '../async/abortable.ts';
import type { TokenStorage, Version } from '../core/contracts.ts';
import { isConflict, isTokenKeepError, StorageError } from '../core/errors.ts';
import { safeCause } from '../core/http/network-error.ts';
import type { Secrets } from '../core/redact.ts';
import { type SessionRecord, secretsIn } from '../core/session/session-record.ts';

/** Returns the secrets that the error of an operation may quote. Called only when there is an error. */
export type KnownSecrets = () => Secrets;

export interface BoundedStorage {
  read(key: string, known: KnownSecrets): ReturnType<TokenStorage['read']>;
  write(key: string, record: SessionRecord, ifVersion: Version | undefined): Promise<Version>;
  delete(key: string, ifVersion: Version | undefined, known: KnownSecrets): Promise<void>;
  /** Anything else that belongs to the session, under the same rules. */
  runBounded<T>(operation: Operation, run: () => Promise<T>, known?: KnownSecrets): Promise<T>;
}

type Operation = StorageError['operation'];

/** @param timeout how long one operation may take, in ms. One that takes longer has failed, whatever becomes of it. */
export function boundedStorage(storage: TokenStorage, clock: RequiredClock, timeout: number): BoundedStorage {
  async function runBounded<T>(
    operation: Operation,
    run: () => Promise<T>,
    known: KnownSecrets = () => [],
  ): Promise<T> {
    const timeoutError = () => new Error(`No answer within ${timeout} ms.`);
    const { signal, clear } = deadline(clock, timeout, timeoutError);
    try {
      return await abortable(Promise.resolve(run()), signal);
    } catch (error) {
      throw storageError(operation, error, known);
    } finally {
      clear();
    }
  }
  return {
    runBounded,
    read: (key, known) => runBounded('read', () => storage.read(key), known),
    write: (key, record, ifVersion) =>
      runBounded(
        'write',
        () => storage.write(key, record, ifVersion),
        () => secretsIn(record),
      ),
    delete: (key, ifVersion, known) => runBounded('delete', () => storage.delete(key, ifVersion), known),
  };
}

/** Returns the error of a storage without secrets. A `StorageError` is redacted as well: it may quote the message of a database. */
function storageError(operation: Operation, error: unknown, known: KnownSecrets): StorageError {
  // A conflict is a common result, not a fault. Its message is dropped, which avoids the search for secrets.
  if (isConflict(error)) {
    return new StorageError('The storage holds another version of the session.', {
      operation,
      conflict: true,
    });
  }
  const cause = safeCause(error, known());
  return isTokenKeepError(error) && error.code === 'ERR_STORAGE' && cause !== undefined
    ? new StorageError(cause.message, { operation: error.operation, cause: cause.cause })
    : new StorageError(`The storage failed to ${operation} the session.`, { operation, cause });
}
