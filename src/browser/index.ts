/**
 * `tokenkeep/browser`: storages and the lock of browsers, and idle sign-out. Can be imported anywhere: it touches the browser when it is called.
 *
 * @module
 */
export type { IdleManager } from './idle-session.ts';
export { type IdleSignOut, type IdleSignOutOptions, idleSignOut } from './idle-sign-out.ts';
export type { IdleState } from './idle-timer.ts';
export { type IndexedDbKeysOptions, indexedDbKeys } from './indexed-db-keys.ts';
export { type IndexedDbStorageOptions, indexedDbStorage } from './indexed-db-storage.ts';
export { type TokenHandlerOptions, tokenHandler } from './token-handler.ts';
export { type WebLockOptions, webLock } from './web-lock.ts';
export { type WebStorageOptions, webStorage } from './web-storage.ts';
export { whereAllowed } from './where-allowed.ts';
