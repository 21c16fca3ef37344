/** An Electron application: a main process that serves a manager, and windows whose pages call it. */
import {
  type ConnectedTokenManager,
  connectTokenManager,
  exposeTokenManager,
  type ServedTokenManager,
  type ServeTokenManagerOptions,
  serveTokenManager,
} from 'tokenkeep/electron';
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

type Subscription = [type: string, listener: (event: never) => unknown];

/** A manager that is nothing but this transport, and keeps the requests. */
export class BareManager implements ServedTokenManager {
  readonly requests: Request[] = [];
  readonly fetch: typeof globalThis.fetch;
  readonly #listeners: Subscription[] = [];

  constructor(answer: (request: Request) => Response | Promise<Response>) {
    this.fetch = async (input, init) => {
      const request = new Request(input, init);
      this.requests.push(request);
      return await answer(request);
    };
  }

  readonly on: ServedTokenManager['on'] = (type, listener) => {
    const one: Subscription = [type, listener];
    this.#listeners.push(one);
    return () => void this.#listeners.splice(this.#listeners.indexOf(one), 1);
  };

  /** Requests to the session. */
  readonly asked: unknown[][] = [];

  async setTokens(...parameters: unknown[]): Promise<void> {
    this.asked.push(['setTokens', ...parameters]);
  }

  async signOut(...parameters: unknown[]): Promise<{ revoked: true }> {
    this.asked.push(['signOut', ...parameters]);
    return { revoked: true };
  }

  get listeners(): number {
    return this.#listeners.length;
  }

  tell(event: { readonly type: string } & Record<string, unknown>): void {
    for (const [type, listener] of this.#listeners) if (type === event.type) listener(event as never);
  }
}
