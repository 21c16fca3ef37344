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
  const values = new Map<string, { readonly record: unknown; readonly version: number }>();
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
      const stored = toJson(record);
      lastVersion += 1;
      values.set(key, { record: stored, version: lastVersion });
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
 * Returns what JSON makes of a record. Its strings are those of the record, so that a token that is stored and in use is in memory
 * once.
 *
 * @throws StorageError for a record that JSON cannot express.
 */
function toJson(record: object): unknown {
  const strings = new Map<unknown, string>();
  const text = serializeRecord(record, (_name, value) => {
    if (typeof value === 'string') strings.set(value, value);
    return value;
  });
  return JSON.parse(text, (_name, value) => strings.get(value) ?? value);
}

/** Returns a copy that belongs to the reader. */
function copyJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyJson);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, copyJson(member)]));
}
