/**
 * The part of Electron that is used, by its shape: `electron` is never imported, and is not a dependency.
 *
 * @module
 */

/** The module `safeStorage`: its asynchronous half, or the older synchronous one, which Electron 46 no longer has. */
export interface ElectronSafeStorage {
  /** Checks whether the asynchronous half is available. */
  isAsyncEncryptionAvailable?(): Promise<boolean>;
  /** Encrypts with a key of the operating system. */
  encryptStringAsync?(text: string): Promise<Uint8Array>;
  /** Decrypts, and reports whether to encrypt again because the key has changed. */
  decryptStringAsync?(
    encrypted: Uint8Array,
  ): Promise<{ readonly result: string; readonly shouldReEncrypt: boolean }>;
  /** Checks whether the synchronous half is available. */
  isEncryptionAvailable?(): boolean;
  /** Encrypts, and blocks until it is done. */
  encryptString?(text: string): Uint8Array;
  /** Decrypts, and blocks until it is done. */
  decryptString?(encrypted: Uint8Array): string;
  /** Linux only. */
  getSelectedStorageBackend?(): string;
}

/** A `WebFrameMain`. */
export interface ElectronFrame {
  readonly url: string;
  readonly origin?: string;
  readonly frameTreeNodeId: number;
  /** Sends to the frame. */
  send(channel: string, message: unknown): void;
  /** Checks whether the frame has been destroyed. */
  isDestroyed?(): boolean;
}

/** An `IpcMainInvokeEvent`. */
export interface ElectronInvokeEvent {
  readonly sender: {
    /** Calls a listener when its window is closed. */
    once(event: 'destroyed', listener: () => void): unknown;
  };
  readonly senderFrame: ElectronFrame | null;
}

/** The module `ipcMain`. */
export interface ElectronIpcMain {
  /** Handles messages of pages. */
  handle(channel: string, listener: (event: ElectronInvokeEvent, message: unknown) => Promise<unknown>): void;
  /** Stops handling messages. */
  removeHandler(channel: string): void;
}

/** The module `ipcRenderer`. */
export interface ElectronIpcRenderer {
  /** Sends a message to the main process and waits for its response. */
  invoke(channel: string, message: unknown): Promise<unknown>;
  /** Listens to the main process. */
  on(channel: string, listener: (event: object, message: unknown) => void): unknown;
}

/** The module `contextBridge`. */
export interface ElectronContextBridge {
  /** Passes functions and plain data to the page. */
  exposeInMainWorld(name: string, api: unknown): void;
}
