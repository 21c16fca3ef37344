/**
 * The storage of one process.
 *
 * @module
 */
import type { TokenStorage } from '../core/contracts.ts';
import { StorageError } from '../core/errors.ts';
import { memoryLock } from './memory-lock.ts';

/**
 * Keeps sessions in the memory of this process: nothing is left behind, and nothing survives a restart or a
 * reload. In a browser page that is the storage an attacker on a shared machine gains least from.
 *
 * Each tab of a browser has a session of its own. To sign out of all tabs at once, post a message to a `BroadcastChannel` at sign-out,
 * and call `signOut()` in the tabs that receive it.
 *
 * @example
 * ```ts
 * import { memoryStorage, TokenManager } from 'tokenkeep';
 *
 * const manager = new TokenManager({
 *   clientId: 'app',
 *   authorizationServer: { tokenEndpoint: 'https://as.example.com/token' },
 *   protectedResources: ['https://api.example.com/'],
 *   storage: memoryStorage(),
 * });
 * ```
 */
export function memoryStorage(): TokenStorage {
  // As text: what is read belongs to the reader, and an idle session takes a third of the space of an object.
  const values = new Map<string, { readonly text: string; readonly version: number }>();
  const watchers = new Map<string, Set<Watcher>>();
  let lastVersion = 0;

  const assertVersion = (operation: 'write' | 'delete', key: string, version: unknown) => {
    if (values.get(key)?.version === version) return;
    throw new StorageError('Another version is stored than the one that was expected.', {
      operation,
      conflict: true,
    });
  };
  const notifyWatchers = (key: string) => {
    for (const watcher of [...(watchers.get(key) ?? [])]) queueMicrotask(() => watcher.notify());
  };

  return {
    reach: 'process',
    lock: memoryLock(),
    async read(key) {
      const value = values.get(key);
      return value && { record: JSON.parse(value.text) as unknown, version: value.version };
    },
    async write(key, record, ifVersion) {
      assertVersion('write', key, ifVersion);
      const text = serializeRecord(record);
      lastVersion += 1;
      values.set(key, { text, version: lastVersion });
      notifyWatchers(key);
      return lastVersion;
    },
    async delete(key, ifVersion) {
      if (ifVersion !== undefined) assertVersion('delete', key, ifVersion);
      if (values.delete(key)) notifyWatchers(key);
    },
    watch(key, listener) {
      const watchersOfKey = watchers.get(key) ?? new Set();
      const watcher = new Watcher(listener);
      watchers.set(key, watchersOfKey.add(watcher));
      return () => {
        watcher.stop();
        watchersOfKey.delete(watcher);
        if (watchersOfKey.size === 0 && watchers.get(key) === watchersOfKey) watchers.delete(key);
      };
    },
  };
}

function serializeRecord(record: object): string {
  try {
    return JSON.stringify(record);
  } catch (cause) {
    throw new StorageError('The record is not plain JSON.', { operation: 'write', cause });
  }
}

/** One subscription; the same listener may have several. */
class Watcher {
  #listener: (() => void) | undefined;

  constructor(listener: () => void) {
    this.#listener = listener;
  }

  /** A watcher's error is its own: the write that it is told of has long succeeded. */
  notify(): void {
    try {
      this.#listener?.();
    } catch {}
  }

  /** Also for what is on its way. */
  stop(): void {
    this.#listener = undefined;
  }
}
