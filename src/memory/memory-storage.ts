/**
 * The storage of one process.
 *
 * @module
 */
import { KeyedListeners } from '../async/keyed-listeners.ts';
import type { TokenStorage } from '../core/contracts.ts';
import { serializeRecord, versionConflict } from '../core/stored-record.ts';
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
  const changes = new KeyedListeners();
  let lastVersion = 0;

  const assertVersion = (operation: 'write' | 'delete', key: string, version: unknown) => {
    if (values.get(key)?.version !== version) throw versionConflict(operation);
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
      changes.notify(key);
      return lastVersion;
    },
    async delete(key, ifVersion) {
      if (ifVersion !== undefined) assertVersion('delete', key, ifVersion);
      if (values.delete(key)) changes.notify(key);
    },
    watch: (key, listener) => changes.subscribe(key, listener),
  };
}
