/**
 * `tokenkeep/electron`: a storage for the main process, and a bridge so that pages call the API with tokens that they
 * never hold.
 *
 * @module
 */
export type { BridgeMessage, BridgeRequest, SessionMessage, TokenManagerBridge } from '../bridge/wire.ts';
export type { ConnectedTokenManager } from './connect-token-manager.ts';
export { connectTokenManager } from './connect-token-manager.ts';
export type {
  ElectronContextBridge,
  ElectronFrame,
  ElectronInvokeEvent,
  ElectronIpcMain,
  ElectronIpcRenderer,
  ElectronSafeStorage,
} from './electron.ts';
export type { ElectronStorage, ElectronStorageOptions } from './electron-storage.ts';
export { electronStorage } from './electron-storage.ts';
export type { ExposeTokenManagerOptions } from './expose-token-manager.ts';
export { exposeTokenManager } from './expose-token-manager.ts';
export type { ServedTokenManager, ServeTokenManagerOptions } from './serve-token-manager.ts';
export { serveTokenManager } from './serve-token-manager.ts';
