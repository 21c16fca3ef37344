/** Somebody who uses a page of a guide: sees what it says, presses its buttons. */
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';
import { expect } from 'vitest';
import type { DrivenBrowser, DrivenTab } from '../../../browser/support/browsers.ts';

/** Runs before everything else of the page. Its notes outlive a redirect to the authorization server and back. */
const notes = `
  const note = (...parts) => sessionStorage.setItem('complaints', (sessionStorage.getItem('complaints') ?? '') + parts.join(' ') + '\\n');
  for (const type of ['error', 'unhandledrejection', 'securitypolicyviolation']) {
    window.addEventListener(type, (event) => note(type, event.message ?? event.reason ?? event.violatedDirective));
  }
  for (const level of ['error', 'warn']) console[level] = (...parts) => note(level, ...parts);
  window.channels = new Set();
  document.addEventListener('readystatechange', () => { window.rendered ??= document.querySelector('h1'); });
  window.BroadcastChannel = class extends BroadcastChannel {
    constructor(name) { super(name); if (name.startsWith('tokenkeep')) window.channels.add(this); }
    close() { super.close(); window.channels.delete(this); }
  };`;

/** Puts the notes into the pages of a guide. */
export const noting: Plugin = {
  name: 'noting',
  transformIndexHtml: () => [{ tag: 'script', children: notes, injectTo: 'head-prepend' }],
};

const axe = readFileSync(new URL('../../../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

export class Guest {
  readonly tab: DrivenTab;

  private constructor(tab: DrivenTab) {
    this.tab = tab;
  }

  static async open(browser: DrivenBrowser, url: string): Promise<Guest> {
    const tab = await browser.newTab();
    await tab.goto(url);
    return new Guest(tab);
  }

  /** Waits until the page says something. On its way to another page it says nothing. */
  async sees(text: string | RegExp): Promise<void> {
    await expect.poll(() => this.text()).toMatch(text);
  }

  async text(): Promise<string> {
    return (await this.tab.evaluate('document.body.innerText').catch(() => '')) as string;
  }

  /** Presses a button by its name, once it is there. */
  async press(name: string): Promise<void> {
    const press = `(() => {
      const one = [...document.querySelectorAll('button')].find((button) => button.innerText === ${JSON.stringify(name)});
      one?.click();
      return one !== undefined;
    })()`;
    await expect.poll(() => this.tab.evaluate(press).catch(() => false)).toBe(true);
  }

  /** Names of the Web Locks that are held or waited for. */
  async locks(): Promise<string[]> {
    const names = `navigator.locks.query().then(({ held, pending }) => [...held, ...pending].map(({ name }) => name))`;
    return (await this.tab.evaluate(names)) as string[];
  }

  /** How many managers listen to what is stored. */
  async listening(): Promise<number> {
    return (await this.tab.evaluate('window.channels.size')) as number;
  }

  /** All errors and warnings of this tab, in the console or not caught. */
  async complaints(): Promise<string> {
    return (await this.tab.evaluate(`sessionStorage.getItem('complaints') ?? ''`)) as string;
  }

  /** Violations of the rules of accessibility: names, roles, contrast. */
  async violations(): Promise<unknown> {
    await this.tab.evaluate(`(() => { ${axe}; return 'axe' in window; })()`);
    return await this.tab.evaluate(
      `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]))`,
    );
  }
}
