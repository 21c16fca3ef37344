/**
 * A storage whose operations end, and fail with nothing but a `StorageError`, whatever the storage beneath does.
 *
 * @module
 */
import type { TokenStorage, Version } from '../core/contracts.ts';
import { isConflict, isTokenKeepError, StorageError } from '../core/errors.ts';
import type { Secrets } from '../core/redact.ts';
import { type SessionRecord, secretsIn } from '../core/session-record.ts';
import { safeCause } from '../core/transport-failure.ts';
import { deadline, type FullClock, leavingOn } from './waiting.ts';

/** Returns the secrets that the error of an operation may quote. Called only when there is an error. */
export type Known = () => Secrets;

export interface BoundedStorage {
  read(key: string, known: Known): ReturnType<TokenStorage['read']>;
  write(key: string, record: SessionRecord, ifVersion: Version | undefined): Promise<Version>;
  delete(key: string, ifVersion: Version | undefined, known: Known): Promise<void>;
  /** Anything else that belongs to the session, under the same rules. */
  bounded<T>(operation: Operation, run: () => Promise<T>, known?: Known): Promise<T>;
}

type Operation = StorageError['operation'];

/** @param timeout how long one operation may take, in ms. One that takes longer has failed, whatever becomes of it. */
export function boundedStorage(storage: TokenStorage, clock: FullClock, timeout: number): BoundedStorage {
  async function bounded<T>(
    operation: Operation,
    run: () => Promise<T>,
    known: Known = () => [],
  ): Promise<T> {
    const late = () => new Error(`No answer within ${timeout} ms.`);
    const { signal, clear } = deadline(clock, timeout, late);
    try {
      return await leavingOn(Promise.resolve(run()), signal);
    } catch (error) {
      throw storageError(operation, error, known);
    } finally {
      clear();
    }
  }
  return {
    bounded,
    read: (key, known) => bounded('read', () => storage.read(key), known),
    write: (key, record, ifVersion) =>
      bounded(
        'write',
        () => storage.write(key, record, ifVersion),
        () => secretsIn(record),
      ),
    delete: (key, ifVersion, known) => bounded('delete', () => storage.delete(key, ifVersion), known),
  };
}

/** Returns the error of a storage without secrets. A `StorageError` is redacted as well: it may quote the message of a database. */
function storageError(operation: Operation, error: unknown, known: Known): StorageError {
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
