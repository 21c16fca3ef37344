/** Electron's `BrowserWindow`: a page of a real Chromium whose preload script runs in a world of its own. */
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import type { CDPSession, HTTPRequest, Page } from 'puppeteer-core';
import type { ElectronFrame, ElectronInvokeEvent } from 'tokenkeep/electron';
import { codec } from './codec.ts';
import { binding, isolatedWorld, pageSource, preloadSource } from './worlds.ts';

/** State that the windows of a main process share. */
export interface Surroundings {
  newPage(): Promise<Page>;
  /** Where a page of a scheme of the application is for Chromium, and back. */
  toChromium(url: string): string;
  fromChromium(url: string): string;
  /** Properties of a page of such a scheme; `undefined` for other pages. */
  load(url: string): Promise<Response> | undefined;
  /** A message of a page to the main process. */
  invoke(channel: string, event: ElectronInvokeEvent, message: unknown): Promise<unknown>;
}

interface WebPreferences {
  readonly preload: string;
  readonly contextIsolation: boolean;
  readonly sandbox: boolean;
}

let windows = 0;
const coded = codec();

class WebContents extends EventEmitter {
  openHandler: (details: { url: string }) => { action: string } = () => ({ action: 'allow' });

  setWindowOpenHandler(handler: WebContents['openHandler']): void {
    this.openHandler = handler;
  }
}

export class ChromiumWindow {
  readonly webContents: WebContents = new WebContents();
  /** Messages that have crossed to the main process and back. */
  readonly crossed: string[] = [];
  /** Windows that its page tried to open, and pages that it tried to go to, with the results. */
  readonly judged: string[] = [];
  readonly page: Promise<Page>;
  readonly #surroundings: Surroundings;
  readonly #preload: string;
  readonly #frame: ElectronFrame;
  /** The page that it is sent to by the main process: nobody is asked about that. */
  #loading = '';
  #world: { readonly session: CDPSession; readonly id: number } | undefined;
  #url = '';
  isClosed = false;

  constructor(surroundings: Surroundings, { preload, contextIsolation, sandbox }: WebPreferences) {
    if (!contextIsolation || !sandbox) throw new Error('The double has no windows without isolation.');
    this.#surroundings = surroundings;
    this.#preload = preloadSource(readFileSync(preload, 'utf8'));
    const window = this;
    const originOf = (url: string) => (/^\w+:\/\/[^/]*/.exec(url) ?? ['null'])[0];
    this.#frame = {
      get url() {
        return window.#url;
      },
      get origin() {
        return originOf(window.#url);
      },
      frameTreeNodeId: ++windows,
      send: (channel, message) => this.#say({ channel, message }),
      isDestroyed: () => this.isClosed,
    };
    this.page = this.#open();
  }

  async loadURL(url: string): Promise<void> {
    const page = await this.page;
    this.#loading = this.#surroundings.toChromium(url);
    await page.goto(this.#loading);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    const page = await this.page;
    this.isClosed = true;
    await page.close();
    this.webContents.emit('destroyed');
  }

  async #open(): Promise<Page> {
    const page = await this.#surroundings.newPage();
    const session = await page.createCDPSession();
    session.on('Runtime.executionContextCreated', ({ context: { id, name } }) => {
      if (name !== isolatedWorld) return;
      this.#world = { session, id };
      this.#url = this.#surroundings.fromChromium(page.url());
    });
    session.on('Runtime.bindingCalled', ({ payload }) => void this.#hear(payload));
    page.on('request', (request) => void this.#intercept(request));
    page.on('popup', (popup) => void this.#judge(popup));
    await session.send('Page.enable');
    await session.send('Runtime.enable');
    await session.send('Runtime.addBinding', { name: binding, executionContextName: isolatedWorld });
    await session.send('Page.addScriptToEvaluateOnNewDocument', { source: pageSource });
    const isolated = { source: this.#preload, worldName: isolatedWorld };
    await session.send('Page.addScriptToEvaluateOnNewDocument', isolated);
    await page.setRequestInterception(true);
    return page;
  }

  async #hear(payload: string): Promise<void> {
    this.crossed.push(payload);
    const { id, channel, message } = coded.decode(payload) as {
      id: number;
      channel: string;
      message: unknown;
    };
    const event = { sender: this.webContents, senderFrame: this.#frame };
    try {
      this.#say({ id, value: await this.#surroundings.invoke(channel, event, message) });
    } catch (error) {
      this.#say({ id, error });
    }
  }

  #say(message: object): void {
    const text = coded.encode(message);
    this.crossed.push(text);
    if (this.#world === undefined || this.isClosed) return;
    const { session, id: contextId } = this.#world;
    const expression = `hear(${JSON.stringify(text)})`;
    // It may have closed or navigated meanwhile.
    session.send('Runtime.evaluate', { expression, contextId }).catch(() => undefined);
  }

  async #intercept(request: HTTPRequest): Promise<void> {
    const url = request.url();
    const isNavigation = request.isNavigationRequest() && request.frame()?.parentFrame() === null;
    if (isNavigation && url !== this.#loading) {
      let isPrevented = false;
      const preventDefault = () => {
        isPrevented = true;
      };
      this.webContents.emit('will-navigate', { url: this.#surroundings.fromChromium(url), preventDefault });
      this.judged.push(`page: ${isPrevented ? 'prevented' : 'allowed'}`);
      if (isPrevented) return await request.abort('aborted');
    }
    if (isNavigation) this.#url = this.#surroundings.fromChromium(url);
    const answer = await this.#surroundings.load(url);
    if (answer === undefined) return await request.continue();
    const headers = Object.fromEntries(answer.headers);
    await request.respond({ status: answer.status, headers, body: await answer.bytes() });
  }

  async #judge(popup: Page | null): Promise<void> {
    if (popup === null) return;
    const { action } = this.webContents.openHandler({ url: popup.url() });
    this.judged.push(`window: ${action}`);
    if (action === 'deny') await popup.close();
  }
}
