/**
 * A sign-out that is heard farther than the storage reaches.
 *
 * @module
 */
import type { TokenStorage } from '../core/contracts.ts';
import { requireName, requireStorage } from './argument-checks.ts';
import { ChangeChannel } from './change-channel.ts';

/** See {@link announced}. */
export interface AnnouncedOptions {
  /** Name of the channel. Give one to keep applications of one origin apart. @default 'tokenkeep' */
  readonly name?: string | undefined;
}

/**
 * The same storage, with sign-outs that reach all tabs of this origin: for `memoryStorage()`, where each tab has tokens of its
 * own. When the user signs out in one tab, the others delete theirs of the same client and session, and fire `signedOut`.
 * They start no request. What is said is the name of the session, never a token.
 *
 * Grants of the other tabs are dropped, not revoked: only the tab in which the user signs out tells the server. The storages
 * of `tokenkeep/browser` need no announcement, because all tabs share them.
 *
 * @example
 * ```ts
 * import { memoryStorage, TokenManager } from 'tokenkeep';
 * import { announced } from 'tokenkeep/browser';
 *
 * const manager = new TokenManager({
 *   clientId: 'my-app',
 *   authorizationServer: { tokenEndpoint: 'https://auth.example.com/token' },
 *   protectedResources: ['https://api.example.com/'],
 *   storage: announced(memoryStorage()),
 * });
 * manager.on('signedOut', showLogin); // here or in another tab
 * ```
 * @throws ConfigurationError if `storage` is not a storage, or `name` is not a valid name.
 */
export function announced(
  storage: TokenStorage,
  { name = 'tokenkeep' }: AnnouncedOptions = {},
): TokenStorage {
  requireStorage('announced(storage)', storage);
  requireName('announced(storage, options)', 'name', name);
  // Stays open while the page is in the back/forward cache: the browser then evicts it rather than let it miss a sign-out.
  const news = new ChangeChannel(`tokenkeep.announced:${name}`, 'stays open');
  const { lock } = storage;
  return {
    reach: storage.reach,
    ...(lock !== undefined && { lock }),
    read: (key) => storage.read(key),
    write: (key, record, ifVersion) => storage.write(key, record, ifVersion),
    delete: (key, ifVersion) => storage.delete(key, ifVersion),
    unavailable: () => storage.unavailable?.(),
    watch(key, listener) {
      const unwatch = storage.watch?.(key, listener);
      const deaf = news.watch(key, (word) => {
        if (word?.version !== 'signed out') return;
        // What cannot be deleted now is found out by the manager when it is read.
        storage.delete(key).then(unwatch === undefined ? listener : undefined, () => undefined);
      });
      return () => {
        deaf();
        unwatch?.();
      };
    },
    signedOut(key) {
      storage.signedOut?.(key);
      news.broadcast({ key, version: 'signed out' });
    },
  };
}
