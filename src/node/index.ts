/**
 * `tokenkeep/node`: storages for Node, its signals, and its diagnostics channels. Not for browsers.
 *
 * @module
 */
export { publishEvents } from './diagnostics.ts';
export type { FileStorage, FileStorageOptions } from './file-storage.ts';
export { fileStorage } from './file-storage.ts';
export type { KeyringEntry, KeyringModule } from './keyring.ts';
export type { KeyringStorage, KeyringStorageOptions } from './keyring-storage.ts';
export { keyringStorage } from './keyring-storage.ts';
export {
  type ClosableManager,
  type CloseOnSignalsOptions,
  closeOnSignals,
  type SignalName,
} from './signals.ts';
