/**
 * `tokenkeep/node`: storages for Node. Not for browsers.
 *
 * @module
 */
export type { FileStorage, FileStorageOptions } from './file-storage.ts';
export { fileStorage } from './file-storage.ts';
