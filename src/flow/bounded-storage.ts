/**
 * A storage whose operations end, and fail with nothing but a `StorageError`, whatever the storage beneath does.
 *
 * @module
 */
import type { TokenStorage, Version } from '../core/contracts.ts';
import { isConflict, StorageError } from '../core/errors.ts';
import { type SessionRecord, secretsIn } from '../core/session-record.ts';
import { safeCause } from '../core/transport-failure.ts';
import { deadline, type FullClock, leavingOn } from './waiting.ts';

export interface BoundedStorage extends Pick<TokenStorage, 'read' | 'delete'> {
  write(key: string, record: SessionRecord, ifVersion: Version | undefined): Promise<Version>;
  /** Anything else that belongs to the session, under the same rules. */
  bounded<T>(operation: StorageError['operation'], run: () => Promise<T>): Promise<T>;
}

/** @param timeout how long one operation may take, in ms. One that takes longer has failed, whatever becomes of it. */
export function boundedStorage(storage: TokenStorage, clock: FullClock, timeout: number): BoundedStorage {
  async function bounded<T>(
    operation: StorageError['operation'],
    run: () => Promise<T>,
    secrets: () => readonly string[] = () => [],
  ): Promise<T> {
    const late = () => new Error(`No answer within ${timeout} ms.`);
    const { signal, clear } = deadline(clock, timeout, late);
    try {
      return await leavingOn(Promise.resolve(run()), signal);
    } catch (error) {
      if (error instanceof StorageError || isConflict(error)) throw error;
      const cause = safeCause(error, secrets());
      throw new StorageError(`The storage failed to ${operation} the session.`, { operation, cause });
    } finally {
      clear();
    }
  }
  return {
    bounded,
    read: (key) => bounded('read', () => storage.read(key)),
    write: (key, record, ifVersion) =>
      bounded(
        'write',
        () => storage.write(key, record, ifVersion),
        () => secretsIn(record),
      ),
    delete: (key, ifVersion) => bounded('delete', () => storage.delete(key, ifVersion)),
  };
}
