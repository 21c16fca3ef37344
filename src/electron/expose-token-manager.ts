/**
 * The preload script's end of the bridge: it only passes messages on.
 *
 * @module
 */

import type { TokenManagerBridge } from '../bridge/bridge-messages.ts';
import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import type { ElectronContextBridge, ElectronIpcRenderer } from './electron-api.ts';

/** Options of {@link exposeTokenManager}. */
export interface ExposeTokenManagerOptions {
  /** Electron's modules of these names. */
  readonly contextBridge: ElectronContextBridge;
  readonly ipcRenderer: ElectronIpcRenderer;
  /** Name of the global variable of the page. @default 'tokenkeep' */
  readonly name?: string | undefined;
  /** The channel of {@link serveTokenManager}. @default 'tokenkeep' */
  readonly channel?: string | undefined;
}

/**
 * Gives a page access to the token manager in the main process. Call it in the preload script of a window with context isolation,
 * which is Electron's default. A sandboxed preload script has to be bundled; this module imports nothing of Node.
 *
 * The page calls {@link connectTokenManager} with it.
 *
 * @example
 * ```ts
 * import { type ElectronContextBridge, type ElectronIpcRenderer, exposeTokenManager } from 'tokenkeep/electron';
 *
 * // import { contextBridge, ipcRenderer } from 'electron';
 * function preload(contextBridge: ElectronContextBridge, ipcRenderer: ElectronIpcRenderer): void {
 *   exposeTokenManager({ contextBridge, ipcRenderer });
 * }
 * ```
 * @throws ConfigurationError if the modules are not Electron's.
 */
export function exposeTokenManager(options: ExposeTokenManagerOptions): void {
  const { contextBridge, ipcRenderer, name = 'tokenkeep', channel = 'tokenkeep' } = options ?? {};
  if (typeof contextBridge?.exposeInMainWorld !== 'function' || typeof ipcRenderer?.invoke !== 'function') {
    throw new ConfigurationError(
      explain(
        'electron-bridge',
        "exposeTokenManager(options): the options contextBridge and ipcRenderer must be Electron's modules, in a preload script.",
      ),
    );
  }
  const listeners = new Set<{ readonly notify: (event: unknown) => void }>();
  // The event object of Electron stays here, because it gives access to more than the page may use.
  ipcRenderer.on(`${channel}:event`, (_event, message) => {
    for (const { notify } of [...listeners]) notify(message);
  });
  const bridge: TokenManagerBridge = {
    call: (message) => ipcRenderer.invoke(channel, message),
    listen(notify) {
      const listener = { notify };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  contextBridge.exposeInMainWorld(name, bridge);
  // A new document: requests of the previous one end in the main process. Callers learn here that no manager is
  // served yet.
  ipcRenderer.invoke(channel, { type: 'begin' }).catch(() => undefined);
}
