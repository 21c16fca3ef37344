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
 * Each tab of a browser has its own session. To sign out of all tabs at once, post a message to a `BroadcastChannel` at sign-out,
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
  const values = new Map<string, { readonly record: object; readonly version: number }>();
  const changes = new KeyedListeners();
  let lastVersion = 0;

  return {
    reach: 'process',
    lock: memoryLock(),
    async read(key) {
      const value = values.get(key);
      return value && { record: copyJson(value.record), version: value.version };
    },
    async write(key, record, ifVersion) {
      if (values.get(key)?.version !== ifVersion) throw versionConflict('write');
      values.set(key, { record: copyJson(record), version: ++lastVersion });
      changes.notify(key);
      return lastVersion;
    },
    async delete(key, ifVersion) {
      if (ifVersion !== undefined && values.get(key)?.version !== ifVersion) throw versionConflict('delete');
      if (values.delete(key)) changes.notify(key);
    },
    watch: (key, listener) => changes.subscribe(key, listener),
  };
}

/**
 * Returns a copy of a record by way of JSON.
 *
 * @throws StorageError for a record that JSON cannot express.
 */
function copyJson(record: object): object {
  return shareTexts(JSON.parse(serializeRecord(record)), record) as object;
}

type Members = Record<string, unknown>;

/**
 * Replaces the texts in a copy with those of the original, so that a token that is stored and in use is in memory once. Returns the
 * copy.
 */
function shareTexts(copy: unknown, original: unknown): unknown {
  if (typeof copy === 'object' && copy !== null)
    for (const name of Object.keys(copy))
      (copy as Members)[name] = shareTexts((copy as Members)[name], (original as Members)?.[name]);
  return copy === original ? original : copy;
}
