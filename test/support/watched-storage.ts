/** A storage that records its operations, and fails or waits when a test says so. */
import { memoryStorage, StorageError, type TokenStorage } from '../../src/index.ts';

type Operation = 'read' | 'write' | 'delete';

export interface WatchedStorage extends TokenStorage {
  readonly inner: TokenStorage;
  readonly log: string[];
  /** Runs before each operation. If it throws or rejects, the operation rejects with the same error. */
  before: (operation: Operation, key: string) => Promise<void> | void;
}

export function watchedStorage(inner: TokenStorage = memoryStorage()): WatchedStorage {
  const storage: WatchedStorage = {
    reach: inner.reach,
    ...(inner.lock && { lock: inner.lock }),
    inner,
    log: [],
    before: () => undefined,
    async read(name) {
      storage.log.push('read');
      await storage.before('read', name);
      return await inner.read(name);
    },
    async write(name, record, ifVersion) {
      storage.log.push('write');
      await storage.before('write', name);
      return await inner.write(name, record, ifVersion);
    },
    async delete(name, ifVersion) {
      storage.log.push('delete');
      await storage.before('delete', name);
      await inner.delete(name, ifVersion);
    },
  };
  return storage;
}

export const diskFull = () => new StorageError('The disk is full.', { operation: 'write' });

/** Fails the chosen ones of the writes to come, counted from 0. Returns a function that ends that. */
export function failWrites(storage: WatchedStorage, choose: (index: number) => boolean): () => void {
  let index = 0;
  storage.before = (operation) => {
    if (operation === 'write' && choose(index++)) throw diskFull();
  };
  return () => {
    storage.before = () => undefined;
  };
}
