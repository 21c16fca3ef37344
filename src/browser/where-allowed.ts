/**
 * Another storage where the browser blocks site data.
 *
 * @module
 */

import type { StorageUnavailableReason, TokenLock, TokenStorage } from '../core/contracts.ts';
import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import type { KeyStorage } from '../core/oauth/dpop-key.ts';
import { requireStorage } from './argument-checks.ts';
import { siteDataUnavailableReason } from './site-data.ts';

/**
 * Keeps sessions in `preferred`, and where the browser blocks site data for the page, in `fallback`: where its user or a
 * policy blocks it, in frames of another site that may store nothing, in sandboxed frames. There the manager works with the
 * guarantees of `fallback` and its lock: with `memoryStorage()` a session ends with the page, and other tabs do not see it.
 *
 * That is never silent: the manager emits `storageUnavailable` with the reason, once for each session. A full disk, a database
 * that hangs and every other failure of `preferred` stays a `StorageError`.
 *
 * The choice is made once, when the storage is first used, and holds until the page is reloaded. Leave out the option `lock`: the
 * lock is that of the storage that is used. Keys of `dpop()` need the same choice:
 * `dpop({ keys: whereAllowed(indexedDbKeys(), memoryKeys()) })`.
 *
 * @example
 * ```ts
 * import { memoryStorage, TokenManager } from 'tokenkeep';
 * import { indexedDbStorage, whereAllowed } from 'tokenkeep/browser';
 *
 * const manager = new TokenManager({
 *   clientId: 'my-app',
 *   authorizationServer: { tokenEndpoint: 'https://auth.example.com/token' },
 *   protectedResources: ['https://api.example.com/'],
 *   storage: whereAllowed(indexedDbStorage(), memoryStorage()),
 * });
 * manager.on('storageUnavailable', ({ reason }) => console.warn(`You stay signed in until you close this page: ${reason}`));
 * ```
 * @throws ConfigurationError if an argument is not a storage, or the fallback has no lock.
 */
export function whereAllowed(preferred: TokenStorage, fallback: TokenStorage): TokenStorage;
/** Keeps keys in `preferred`, and where the browser blocks site data for the page, in `fallback`. */
export function whereAllowed(preferred: KeyStorage, fallback: KeyStorage): KeyStorage;
export function whereAllowed<Storage extends TokenStorage | KeyStorage>(
  preferred: Storage,
  fallback: Storage,
): TokenStorage | KeyStorage {
  requireStorage('whereAllowed(preferred, fallback), preferred', preferred);
  requireStorage('whereAllowed(preferred, fallback), fallback', fallback);
  if (isTokenStorage(preferred) !== isTokenStorage(fallback)) {
    throw new ConfigurationError(
      explain(
        'browser-storage',
        'whereAllowed(preferred, fallback): one of them is a storage of sessions with a lock, and the other is not. Pass two ' +
          'storages of sessions, each with its lock, or two storages of keys.',
      ),
    );
  }
  const choice = new StorageChoice(preferred, fallback);
  if (isTokenStorage(preferred))
    return chosenTokenStorage(choice as unknown as StorageChoice<TokenStorage>, preferred);
  const chosen = choice as unknown as StorageChoice<KeyStorage>;
  const keys: KeyStorage = {
    reach: preferred.reach,
    read: async (thumbprint) => (await chosen.resolve()).read(thumbprint),
    write: async (thumbprint, pair) => (await chosen.resolve()).write(thumbprint, pair),
    delete: async (thumbprint) => (await chosen.resolve()).delete(thumbprint),
  };
  return keys;
}

function chosenTokenStorage(choice: StorageChoice<TokenStorage>, preferred: TokenStorage): TokenStorage {
  let lock: TokenLock | undefined;
  return {
    reach: preferred.reach,
    // Created only when needed, because creating it may throw.
    get lock() {
      lock ??= chosenLock(choice, preferred.lock as TokenLock);
      return lock;
    },
    unavailable: () => choice.reason,
    read: async (key) => (await choice.resolve()).read(key),
    write(key, record, ifVersion) {
      if (choice.storage !== undefined) return choice.storage.write(key, record, ifVersion);
      // A storage owns the record from the moment of the call, so later changes by the caller must not reach it.
      const own = copyRecord(record);
      return choice.resolve().then((storage) => storage.write(key, own, ifVersion));
    },
    delete: async (key, ifVersion) => (await choice.resolve()).delete(key, ifVersion),
    watch: (key, listener) => watchChosen(choice, key, listener),
  };
}

function copyRecord(record: object): object {
  try {
    return JSON.parse(JSON.stringify(record)) as object;
  } catch {
    return record; // the storage reports the invalid record
  }
}

function chosenLock(choice: StorageChoice<TokenStorage>, lock: TokenLock): TokenLock {
  return {
    reach: lock.reach,
    ...(lock.lease !== undefined && { lease: lock.lease }),
    ...(lock.mayBeLost !== undefined && { mayBeLost: lock.mayBeLost }),
    async request(name, options, callback) {
      const own = (await choice.resolve()).lock as TokenLock;
      return await own.request(name, options, callback);
    },
  };
}

function watchChosen(choice: StorageChoice<TokenStorage>, key: string, listener: () => void): () => void {
  let unwatch: (() => void) | undefined;
  let isWatched = true;
  choice
    .resolve()
    .then((storage) => {
      if (isWatched) unwatch = storage.watch?.(key, listener);
    })
    .catch(() => undefined); // the next call reports it
  return () => {
    isWatched = false;
    unwatch?.();
  };
}

/** The chosen one of two storages. The browser is checked once, and again only if it did not respond. */
class StorageChoice<Storage> {
  storage: Storage | undefined;
  reason: StorageUnavailableReason | undefined;
  readonly #preferred: Storage;
  readonly #fallback: Storage;

  constructor(preferred: Storage, fallback: Storage) {
    this.#preferred = preferred;
    this.#fallback = fallback;
  }

  /** @throws StorageError if the browser does not respond. */
  async resolve(): Promise<Storage> {
    if (this.storage !== undefined) return this.storage;
    const reason = await siteDataUnavailableReason();
    // Of several concurrent calls the first decides for all.
    if (this.storage === undefined) {
      this.reason = reason;
      this.storage = reason === undefined ? this.#preferred : this.#fallback;
    }
    return this.storage;
  }
}

function isTokenStorage(storage: TokenStorage | KeyStorage): storage is TokenStorage {
  return 'lock' in storage;
}
