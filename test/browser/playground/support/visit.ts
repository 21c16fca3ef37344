/** A visit to the playground, by someone who sees what the page shows and knows what its servers counted. */

import type { ServerCounts } from '../../../../examples/playground/page/stage.ts';
import type { Site } from '../../../../examples/playground/site.ts';
import type { DrivenBrowser, DrivenTab } from '../../support/browsers.ts';

/** The text of the page. */
export interface Seen {
  /** The books, row by row: what the tabs say, and what the servers say. */
  readonly books: Readonly<Record<string, readonly [tabs: string, servers: string]>>;
  readonly promise: readonly string[];
  readonly verdict: string;
  readonly states: readonly string[];
}

/** Runs in the page, and sees nothing of the test. */
const look = `(() => {
  const text = (from, selector) => from.querySelector(selector)?.textContent ?? '';
  const rows = [...document.querySelectorAll('tbody tr')];
  const states = [...document.querySelectorAll('iframe')].map((frame) => text(frame.contentDocument, '#state'));
  return {
    books: Object.fromEntries(rows.map((row) => [row.id.slice(4), [text(row, '.tabs'), text(row, '.servers')]])),
    promise: ['#spent', '#chain', '#reuses'].map((name) => text(document, name)),
    verdict: text(document, '#verdict'),
    states,
  };
})()`;

/** Everything that a browser complains about, in the page and in its frames. */
const listen = `(() => {
  window.complaints = [];
  for (const view of [window, ...[...document.querySelectorAll('iframe')].map((frame) => frame.contentWindow)]) {
    for (const type of ['error', 'unhandledrejection', 'securitypolicyviolation']) {
      view.addEventListener(type, (event) => window.complaints.push(type + ': ' + (event.message ?? event.reason ?? event.violatedDirective)));
    }
    view.console.error = (...parts) => window.complaints.push(parts.join(' '));
  }
})()`;

const until = (condition: string) => `new Promise((resolve) => {
  const root = document.documentElement;
  const observer = new MutationObserver(() => check());
  const check = () => {
    if (!(${condition})) return;
    observer.disconnect();
    resolve();
  };
  observer.observe(root, { attributes: true, childList: true, characterData: true, subtree: true });
  check();
})`;

export class Visit {
  readonly tab: DrivenTab;
  readonly #site: Site;
  readonly #stage: string;

  private constructor(tab: DrivenTab, site: Site, stage: string) {
    this.tab = tab;
    this.#site = site;
    this.#stage = stage;
  }

  static async open(browser: DrivenBrowser, site: Site): Promise<Visit> {
    const before = new Set(site.stages.keys());
    const tab = await browser.newTab();
    await tab.goto(`${site.url}?pace=0`);
    await tab.evaluate(until("root.hasAttribute('data-ready')"));
    await tab.evaluate(listen);
    const stage = [...site.stages.keys()].find((id) => !before.has(id));
    if (stage === undefined) throw new Error('The page has opened no stage.');
    return new Visit(tab, site, stage);
  }

  /** Presses the button of a scene, and waits for its end. */
  async play(scene: string): Promise<Seen> {
    await this.click(`[data-scene="${scene}"]`);
    return await this.over();
  }

  async click(selector: string): Promise<void> {
    await this.tab.evaluate(`document.querySelector('${selector}').click()`);
  }

  /** Waits for the end of what plays. */
  async over(): Promise<Seen> {
    await this.until("!root.hasAttribute('data-plays')");
    return await this.look();
  }

  /** Waits until an expression is true of the page, whose root element is `root`. */
  async until(condition: string): Promise<void> {
    await this.tab.evaluate(until(condition));
  }

  async look(): Promise<Seen> {
    return (await this.tab.evaluate(look)) as Seen;
  }

  /** Counts of the servers of this page. */
  counts(): ServerCounts {
    const stage = this.#site.stages.get(this.#stage);
    if (stage === undefined) throw new Error('The stage of the page is gone.');
    return stage.counts();
  }

  async complaints(): Promise<string[]> {
    return (await this.tab.evaluate('window.complaints')) as string[];
  }
}
