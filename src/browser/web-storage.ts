/**
 * `localStorage` and `sessionStorage`.
 *
 * @module
 */

import type { TokenLock, TokenStorage } from '../core/contracts.ts';
import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { serializeRecord } from '../core/stored-record.ts';
import { requireName, requireOptions } from './argument-checks.ts';
import { ChangeChannel } from './change-channel.ts';
import { storageLock } from './storage-lock.ts';
import { VersionedItems } from './versioned-items.ts';

/** Options of {@link webStorage}. */
export interface WebStorageOptions {
  /** Prefix of the names of its items. @default 'tokenkeep:' */
  readonly prefix?: string | undefined;
}

/**
 * Keeps sessions in `localStorage`, for all tabs of this origin, or in `sessionStorage`, for one tab. Each session is one
 * item, written whole. Pass a function if the browser may block storage: reading `localStorage` throws then, and with a
 * function the calls of the manager reject instead of your module.
 *
 * **What it cannot promise:** browsers write `localStorage` to the disk some seconds later. If the browser is killed before that,
 * the successor of a refresh token that has just been spent is lost, and with it the session; `indexedDbStorage()` does not
 * have this gap. Workers have no `localStorage`. The compare-and-set is made under a Web Lock; without Web Locks it holds within a
 * tab only.
 *
 * **`sessionStorage`:** a duplicated tab gets a copy of the tokens, and neither tab sees later changes of the other. The second
 * tab that refreshes sends a refresh token that the first has spent. Use it where users do not duplicate
 * tabs, or where the server has a reuse window.
 *
 * **Who can read it:** all script of this origin, and anyone who can read the browser profile on the disk.
 *
 * **On a server that renders pages** pass a function. You can create a manager with it, but every call of the manager rejects.
 *
 * @example
 * ```ts
 * import { TokenManager } from 'tokenkeep';
 * import { webStorage } from 'tokenkeep/browser';
 *
 * const manager = new TokenManager({
 *   clientId: 'my-app',
 *   authorizationServer: { tokenEndpoint: 'https://auth.example.com/token' },
 *   protectedResources: ['https://api.example.com/'],
 *   storage: webStorage(() => localStorage),
 * });
 * ```
 * @throws ConfigurationError if `storage` is neither a `Storage` nor a function, and for invalid options.
 */
export function webStorage(
  storage: Storage | (() => Storage),
  options: WebStorageOptions = {},
): TokenStorage {
  requireOptions('webStorage(storage, options)', options);
  const { prefix = 'tokenkeep:' } = options;
  requireName('webStorage(storage, options)', 'prefix', prefix);
  if (typeof storage !== 'function' && typeof storage?.getItem !== 'function') {
    throw new ConfigurationError(
      explain(
        'browser-storage',
        'webStorage(storage): the storage is missing. Pass () => localStorage, in a page.',
      ),
    );
  }
  const area = typeof storage === 'function' ? storage : () => storage;
  const items = new VersionedItems(area);
  const changes = new ChangeChannel(`tokenkeep.webstorage:${prefix}`);
  let lock: TokenLock | undefined;
  return {
    reach: 'machine',
    get lock() {
      lock ??= storageLock(area);
      return lock;
    },
    read: (key) => items.read(prefix + key),
    async write(key, record, ifVersion) {
      const version = await items.write(prefix + key, serializeRecord(record), ifVersion);
      changes.publish(key);
      return version;
    },
    async delete(key, ifVersion) {
      if (await items.remove(prefix + key, ifVersion)) changes.publish(key);
    },
    watch(key, listener) {
      const unwatch = changes.watch(key, listener);
      const forget = onStorageEvent(area, prefix + key, () => changes.notifyLocal(key));
      return () => {
        forget();
        unwatch();
      };
    },
  };
}

/** Listens to changes of other tabs, as the browser reports them: the stored value is visible here by then. */
function onStorageEvent(area: () => Storage, name: string, changed: () => void): () => void {
  const { window } = globalThis as { window?: Window };
  if (window === undefined) return () => {};
  const listener = ({ key, storageArea }: StorageEvent): void => {
    // An event without a key: everything was cleared.
    if ((key === name || key === null) && isSame(storageArea, area)) changed();
  };
  window.addEventListener('storage', listener);
  return () => window.removeEventListener('storage', listener);
}

function isSame(one: Storage | null, other: () => Storage): boolean {
  try {
    return one === null || one === other();
  } catch {
    return false;
  }
}
