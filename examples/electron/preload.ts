/** Sandboxed: it passes messages on, and holds nothing. */
import { contextBridge, ipcRenderer } from 'electron';
import { exposeTokenManager } from 'tokenkeep/electron';

exposeTokenManager({ contextBridge, ipcRenderer });
