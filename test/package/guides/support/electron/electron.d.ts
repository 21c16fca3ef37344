/**
 * The part of Electron that the guide uses, as its own declarations have it: the package is not installed, because it
 * downloads its program from another place.
 */
declare module 'electron' {
  import type {
    ElectronContextBridge,
    ElectronIpcMain,
    ElectronIpcRenderer,
    ElectronSafeStorage,
  } from 'tokenkeep/electron';

  interface Preventable {
    preventDefault(): void;
  }
  interface WebContents {
    on(event: 'will-navigate', listener: (details: Preventable) => void): this;
    setWindowOpenHandler(handler: (details: { url: string }) => { action: 'deny' | 'allow' }): void;
  }
  const app: {
    getPath(name: 'userData'): string;
    whenReady(): Promise<void>;
    quit(): void;
    on(event: 'window-all-closed', listener: () => void): unknown;
    on(event: 'web-contents-created', listener: (event: Preventable, contents: WebContents) => void): unknown;
    once(event: 'will-quit', listener: (event: Preventable) => void): unknown;
  };
  class BrowserWindow {
    constructor(options: {
      webPreferences: { preload: string; contextIsolation: boolean; sandbox: boolean };
    });
    loadURL(url: string): Promise<void>;
  }
  const protocol: {
    registerSchemesAsPrivileged(
      schemes: { scheme: string; privileges: { standard?: boolean; secure?: boolean } }[],
    ): void;
    handle(scheme: string, handler: (request: Request) => Response | Promise<Response>): void;
  };
  const shell: { openExternal(url: string): Promise<void> };
  const safeStorage: ElectronSafeStorage;
  const ipcMain: ElectronIpcMain;
  const ipcRenderer: ElectronIpcRenderer;
  const contextBridge: ElectronContextBridge;
}
