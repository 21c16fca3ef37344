/**
 * A storage whose operations end, and fail with nothing but a `StorageError`, whatever the storage beneath does.
 *
 * @module
 */
import type { TokenStorage } from '../core/contracts.ts';
import { isConflict, StorageError } from '../core/errors.ts';
import { safeCause } from '../core/transport-failure.ts';
import { deadline, type FullClock, leavingOn } from './waiting.ts';

export type BoundedStorage = Pick<TokenStorage, 'read' | 'write' | 'delete'>;

/** @param timeout how long one operation may take, in ms. One that takes longer has failed, whatever becomes of it. */
export function boundedStorage(storage: TokenStorage, clock: FullClock, timeout: number): BoundedStorage {
  async function bounded<T>(operation: StorageError['operation'], run: () => Promise<T>): Promise<T> {
    const late = () => new Error(`No answer within ${timeout} ms.`);
    const { signal, clear } = deadline(clock, timeout, late);
    try {
      return await leavingOn(Promise.resolve(run()), signal);
    } catch (error) {
      if (error instanceof StorageError || isConflict(error)) throw error;
      const cause = safeCause(error, []);
      throw new StorageError(`The storage failed to ${operation} the session.`, { operation, cause });
    } finally {
      clear();
    }
  }
  return {
    read: (key) => bounded('read', () => storage.read(key)),
    write: (key, record, ifVersion) => bounded('write', () => storage.write(key, record, ifVersion)),
    delete: (key, ifVersion) => bounded('delete', () => storage.delete(key, ifVersion)),
  };
}
