/** The module `electron` of a main process, as far as the guide uses it, and as far as it can be had without Electron. */
import { EventEmitter } from 'node:events';
import puppeteer, { type Browser } from 'puppeteer-core';
import type { ElectronInvokeEvent, ElectronIpcMain } from 'tokenkeep/electron';
import { SafeStorageDouble } from '../../../../support/electron/safe-storage-double.ts';
import { ChromiumWindow, type Surroundings } from './browser-window.ts';

const { ELECTRON_USER_DATA = '', ELECTRON_CHROMIUM = '' } = process.env;
const browser: Promise<Browser> = puppeteer.connect({ browserWSEndpoint: ELECTRON_CHROMIUM });
/** A profile of its own, that all windows share. */
const profile = browser.then((one) => one.createBrowserContext());
export const windows: ChromiumWindow[] = [];

class App extends EventEmitter {
  /** `true`: it was quit, and its windows are closed. */
  isEnding = false;
  readonly #ready = Promise.withResolvers<void>();

  getPath = (_: 'userData'): string => ELECTRON_USER_DATA;
  whenReady = (): Promise<void> => this.#ready.promise;

  /** Once the main module has run to its end, and not before: one that waits for this waits forever. */
  becomeReady(): void {
    safeStorage.isReady = true;
    this.#ready.resolve();
  }

  /** As its user quits it. */
  quit(): void {
    void this.#quit();
  }

  async windowClosed(): Promise<void> {
    if (windows.length > 0) return;
    if (!this.emit('window-all-closed')) this.quit();
  }

  async #quit(): Promise<void> {
    if (this.#prevents('before-quit')) return;
    await Promise.all(windows.splice(0).map((window) => window.close()));
    this.isEnding = true;
    if (this.#prevents('will-quit')) return;
    this.emit('quit');
    process.exit(0);
  }

  #prevents(event: string): boolean {
    let isPrevented = false;
    const preventDefault = () => {
      isPrevented = true;
    };
    this.emit(event, { preventDefault });
    return isPrevented;
  }
}

type Handler = (event: ElectronInvokeEvent, message: unknown) => Promise<unknown>;
const handlers = new Map<string, Handler>();
const schemes = new Map<
  string,
  { secure: boolean; handle?: (request: Request) => Response | Promise<Response> }
>();

const surroundings: Surroundings = {
  newPage: async () => await (await profile).newPage(),
  toChromium(url) {
    const [, scheme = '', host, rest] = /^(\w+):\/\/([^/]*)(.*)/s.exec(url) ?? [];
    const known = schemes.get(scheme);
    return known ? `http${known.secure ? 's' : ''}://${host}.${scheme}.test${rest}` : url;
  },
  fromChromium(url) {
    const [, host, scheme = '', rest] = /^https?:\/\/(\w+)\.(\w+)\.test(.*)/s.exec(url) ?? [];
    return schemes.has(scheme) ? `${scheme}://${host}${rest}` : url;
  },
  load(url) {
    const own = surroundings.fromChromium(url);
    const handle = own === url ? undefined : schemes.get(own.replace(/:.*/s, ''))?.handle;
    // The platform's Request knows no such schemes; its URL is what is used of it.
    return handle && Promise.resolve(handle({ url: own } as Request));
  },
  async invoke(channel, event, message) {
    const handler = handlers.get(channel);
    if (!handler) throw new Error(`Error invoking remote method '${channel}': No handler registered`);
    return await handler(event, message);
  },
};

export const app: App = new App();

export const safeStorage: SafeStorageDouble = new SafeStorageDouble();
safeStorage.isReady = false;

export const protocol = {
  registerSchemesAsPrivileged(list: { scheme: string; privileges: { secure?: boolean } }[]): void {
    for (const { scheme, privileges } of list) schemes.set(scheme, { secure: privileges.secure ?? false });
  },
  handle(scheme: string, handle: (request: Request) => Response | Promise<Response>): void {
    schemes.set(scheme, { secure: false, ...schemes.get(scheme), handle });
  },
};

export const ipcMain: ElectronIpcMain = {
  handle: (channel, handler) => void handlers.set(channel, handler),
  removeHandler: (channel) => void handlers.delete(channel),
};

/** The user's own browser, where a login needs nothing but a visit: another profile, and nothing to wait for. */
export const shell = {
  async openExternal(url: string): Promise<void> {
    if (process.env['ELECTRON_NO_BROWSER'] !== undefined) return;
    const elsewhere = await (await browser).createBrowserContext();
    const page = await elsewhere.newPage();
    const visit = async () => {
      await page.goto(url);
      await elsewhere.close();
    };
    visit().catch(() => undefined);
  },
};

export class BrowserWindow extends ChromiumWindow {
  constructor({ webPreferences }: { webPreferences: ConstructorParameters<typeof ChromiumWindow>[1] }) {
    super(surroundings, webPreferences);
    windows.push(this);
    app.emit('web-contents-created', {}, this.webContents);
    this.webContents.once('destroyed', () => {
      const index = windows.indexOf(this);
      if (index < 0) return; // the application is quitting
      windows.splice(index, 1);
      void app.windowClosed();
    });
  }
}
