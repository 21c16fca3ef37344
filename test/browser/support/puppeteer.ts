import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer, { type Browser, type LaunchOptions, type Page } from 'puppeteer-core';
import type { DrivenBrowser, DrivenTab, Key, Suspension } from './browsers.ts';
import { busiest } from './processes.ts';

/** Chromium, over its own protocol. `preferences` are those that its user has set. */
export function openChromium(preferences?: object): Promise<DrivenBrowser> {
  return open(preferences, {
    browser: 'chrome',
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** Firefox, over WebDriver BiDi. Tabs of one site get processes of their own. */
export function openFirefox(): Promise<DrivenBrowser> {
  return open(undefined, {
    browser: 'firefox',
    executablePath: '/usr/bin/firefox-esr',
    extraPrefsFirefox: { 'dom.ipc.processCount.webIsolated': 16 },
  });
}

async function open(preferences: object | undefined, options: LaunchOptions): Promise<DrivenBrowser> {
  const profile = mkdtempSync(join(tmpdir(), 'tokenkeep-browser-'));
  if (preferences !== undefined) {
    mkdirSync(join(profile, 'Default'));
    writeFileSync(join(profile, 'Default', 'Preferences'), JSON.stringify(preferences));
  }
  const browser = await puppeteer.launch({ ...options, headless: true, userDataDir: profile });
  return {
    async newTab() {
      const page = await browser.newPage();
      return options.browser === 'chrome' ? new ChromiumTab(browser, page) : new PuppeteerTab(browser, page);
    },
    async close() {
      await browser.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

class PuppeteerTab implements DrivenTab {
  readonly #browser: Browser;
  readonly #page: Page;
  #isDead = false;

  constructor(browser: Browser, page: Page) {
    this.#browser = browser;
    this.#page = page;
  }

  async goto(url: string): Promise<void> {
    await this.#page.goto(url);
  }

  async evaluate(expression: string): Promise<unknown> {
    return await this.#page.evaluate(expression);
  }

  async press(key: Key): Promise<void> {
    await this.#page.keyboard.press(key === 'Space' ? ' ' : key);
  }

  async show(): Promise<void> {
    await this.#page.bringToFront();
  }

  async click(selector: string): Promise<void> {
    await this.#page.click(selector);
  }

  async close(): Promise<void> {
    if (this.#isDead) return void (await this.#page.close().catch(() => undefined));
    await this.#page.close();
  }

  async kill(busy: () => void): Promise<void> {
    const pid = await this.#process(busy);
    this.#isDead = true;
    process.kill(pid, 'SIGKILL');
  }

  async suspend(how: Suspension, busy: () => void): Promise<() => Promise<void>> {
    if (how === 'frozen') return await this.#freeze();
    const pid = await this.#process(busy);
    process.kill(pid, 'SIGSTOP');
    return async () => void process.kill(pid, 'SIGCONT');
  }

  /** Chromium only. */
  async prefer(preferences: Readonly<Record<string, string>>): Promise<void> {
    const features = Object.entries(preferences).map(([name, value]) => ({ name, value }));
    await this.#page.emulateMediaFeatures(features);
  }

  async setOffline(isOffline: boolean): Promise<void> {
    await this.#page.setOfflineMode(isOffline);
  }

  /** Works for hidden tabs only: the caller has shown another one. */
  async #freeze(): Promise<() => Promise<void>> {
    const session = await this.#page.createCDPSession();
    await session.send('Page.setWebLifecycleState', { state: 'frozen' });
    return async () => {
      await session.send('Page.setWebLifecycleState', { state: 'active' });
      await session.detach();
    };
  }

  async #process(busy: () => void): Promise<number> {
    const pid = this.#browser.process()?.pid;
    if (pid === undefined) throw new Error('The browser is gone.');
    return await busiest(pid, busy);
  }
}

class ChromiumTab extends PuppeteerTab {
  readonly #page: Page;

  constructor(browser: Browser, page: Page) {
    super(browser, page);
    this.#page = page;
  }

  async stopServiceWorkers(): Promise<void> {
    const session = await this.#page.createCDPSession();
    await session.send('ServiceWorker.enable');
    await session.send('ServiceWorker.stopAllWorkers');
    await session.detach();
  }
}
