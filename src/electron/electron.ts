/**
 * What is used of Electron, by its shape: `electron` is never imported, and is no dependency.
 *
 * @module
 */

/** The module `safeStorage`: its asynchronous half, or the older synchronous one, which Electron 46 no longer has. */
export interface ElectronSafeStorage {
  isAsyncEncryptionAvailable?(): Promise<boolean>;
  encryptStringAsync?(text: string): Promise<Uint8Array>;
  decryptStringAsync?(
    encrypted: Uint8Array,
  ): Promise<{ readonly result: string; readonly shouldReEncrypt: boolean }>;
  isEncryptionAvailable?(): boolean;
  encryptString?(text: string): Uint8Array;
  decryptString?(encrypted: Uint8Array): string;
  /** Linux only. */
  getSelectedStorageBackend?(): string;
}

/** A `WebFrameMain`. */
export interface ElectronFrame {
  readonly url: string;
  readonly origin?: string;
  readonly frameTreeNodeId: number;
  send(channel: string, message: unknown): void;
  isDestroyed?(): boolean;
}

/** An `IpcMainInvokeEvent`. */
export interface ElectronInvokeEvent {
  readonly sender: { once(event: 'destroyed', listener: () => void): unknown };
  readonly senderFrame: ElectronFrame | null;
}

/** The module `ipcMain`. */
export interface ElectronIpcMain {
  handle(channel: string, listener: (event: ElectronInvokeEvent, message: unknown) => Promise<unknown>): void;
  removeHandler(channel: string): void;
}

/** The module `ipcRenderer`. */
export interface ElectronIpcRenderer {
  invoke(channel: string, message: unknown): Promise<unknown>;
  on(channel: string, listener: (event: object, message: unknown) => void): unknown;
}

/** The module `contextBridge`. */
export interface ElectronContextBridge {
  exposeInMainWorld(name: string, api: unknown): void;
}
