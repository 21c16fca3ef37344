/**
 * `tokenkeep/electron`: a storage for the main process, and a bridge so that pages call the API with tokens that they
 * never hold.
 *
 * @module
 */
export type {
  BridgeMessage,
  BridgeRequest,
  SessionMessage,
  TokenManagerBridge,
} from '../bridge/bridge-messages.ts';
export type { ConnectedTokenManager } from './connect-to-main-process.ts';
export { connectTokenManager } from './connect-to-main-process.ts';
export type {
  ElectronContextBridge,
  ElectronFrame,
  ElectronInvokeEvent,
  ElectronIpcMain,
  ElectronIpcRenderer,
  ElectronSafeStorage,
} from './electron-api.ts';
export type { ElectronStorage, ElectronStorageOptions } from './electron-storage.ts';
export { electronStorage } from './electron-storage.ts';
export type { ExposeTokenManagerOptions } from './expose-token-manager.ts';
export { exposeTokenManager } from './expose-token-manager.ts';
export type { ServedTokenManager, ServeTokenManagerOptions } from './serve-from-main-process.ts';
export { serveTokenManager } from './serve-from-main-process.ts';
