/**
 * `tokenkeep/browser`: storages and the lock of browsers. Can be imported anywhere: it touches the browser when it is called.
 *
 * @module
 */
export { type IndexedDbKeysOptions, indexedDbKeys } from './indexed-db-keys.ts';
export { type IndexedDbStorageOptions, indexedDbStorage } from './indexed-db-storage.ts';
export { type TokenHandlerOptions, tokenHandler } from './token-handler.ts';
export { type WebLockOptions, webLock } from './web-lock.ts';
export { type WebStorageOptions, webStorage } from './web-storage.ts';
export { whereAllowed } from './where-allowed.ts';
