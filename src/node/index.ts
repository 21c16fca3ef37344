/**
 * `tokenkeep/node`: storages for Node, and its diagnostics channels. Not for browsers.
 *
 * @module
 */
export { publishEvents } from './diagnostics.ts';
export type { FileStorage, FileStorageOptions } from './file-storage.ts';
export { fileStorage } from './file-storage.ts';
export type { KeyringEntry, KeyringModule } from './keyring.ts';
export type { KeyringStorage, KeyringStorageOptions } from './keyring-storage.ts';
export { keyringStorage } from './keyring-storage.ts';
