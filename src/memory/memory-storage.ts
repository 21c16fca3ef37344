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
      return value && { record: copyJson(value.record) as object, version: value.version };
    },
    async write(key, record, ifVersion) {
      if (values.get(key)?.version !== ifVersion) throw versionConflict('write');
      values.set(key, { record: copyJson(record) as object, version: ++lastVersion });
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
 * Returns a copy by way of JSON that shares the texts of the original, so that a token that is stored and in use is in memory once.
 *
 * @param copy omitted by the first caller: a part of the copy.
 * @throws StorageError for a record that JSON cannot express.
 */
function copyJson(
  original: unknown,
  copy: unknown = JSON.parse(serializeRecord(original as object)),
): unknown {
  if (Object(copy) === copy)
    for (const name of Object.keys(copy as Members))
      (copy as Members)[name] = copyJson((original as Members | undefined)?.[name], (copy as Members)[name]);
  return original === copy ? original : copy;
}

type Members = Record<string, unknown>;
