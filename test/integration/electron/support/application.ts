/** An Electron application: a main process that serves a manager, and windows whose pages call it. */
import {
  type ConnectedTokenManager,
  connectTokenManager,
  exposeTokenManager,
  type ServedTokenManager,
  type ServeTokenManagerOptions,
  serveTokenManager,
} from 'tokenkeep/electron';
import { BareManager as BareManagerOfAll } from '../../../support/bare-manager.ts';
import { ElectronDouble, type Page } from './electron-double.ts';

export interface Application {
  readonly electron: ElectronDouble;
  readonly stop: () => void;
  /** Opens a window, whose preload script exposes the bridge. */
  open(url?: string, origin?: string): { readonly page: Page; readonly manager: ConnectedTokenManager };
}

export function application(
  manager: ServedTokenManager,
  options: Partial<ServeTokenManagerOptions> = {},
): Application {
  const electron = new ElectronDouble();
  const stop = serveTokenManager({
    ipcMain: electron.ipcMain,
    manager,
    allowedOrigins: ['app://main'],
    protectedResources: ['https://api.test/'],
    ...options,
  });
  return {
    electron,
    stop,
    open(url, origin) {
      const page = electron.window(url, origin);
      exposeTokenManager(page);
      return { page, manager: connectTokenManager(page.bridge) };
    },
  };
}

/** Keeps the requests to the session as well. */
export class BareManager extends BareManagerOfAll implements ServedTokenManager {
  readonly asked: unknown[][] = [];

  async setTokens(...parameters: unknown[]): Promise<void> {
    this.asked.push(['setTokens', ...parameters]);
  }

  async signOut(...parameters: unknown[]): Promise<{ revoked: true }> {
    this.asked.push(['signOut', ...parameters]);
    return { revoked: true };
  }
}
