/** The books: what the tabs say beside what the servers have counted, since the page was opened. */
import { element, write } from './elements.ts';
import type { Told } from './facts.ts';
import type { ServerCounts } from './stage.ts';

/** The totals of the tabs. */
export interface TabCounts {
  ok: number;
  rejected: number;
  replayed: number;
  posts: number;
  refreshed: number;
  adopted: number;
}

/** A row: both sides of it, and what a difference means. */
interface Row {
  readonly tabs: (tabs: TabCounts) => number;
  readonly servers: (servers: ServerCounts) => number;
  readonly more: string;
  readonly less: string;
}

const rows: Record<string, Row> = {
  ok: { tabs: ({ ok }) => ok, servers: ({ ok }) => ok, more: '', less: 'lost on the line' },
  rejected: {
    tabs: ({ rejected }) => rejected,
    servers: ({ rejected }) => rejected,
    more: '',
    less: 'lost on the line',
  },
  posts: { tabs: ({ posts }) => posts, servers: ({ posts }) => posts, more: 'never arrived', less: '' },
  refreshes: {
    tabs: ({ refreshed }) => refreshed,
    servers: ({ refreshes }) => refreshes,
    more: '',
    less: 'with a lost response',
  },
};

export class Ledger {
  readonly tabs: TabCounts = { ok: 0, rejected: 0, replayed: 0, posts: 0, refreshed: 0, adopted: 0 };
  servers: ServerCounts | undefined;

  take(told: Told): void {
    const { tabs } = this;
    if (told.what === 'answered' && told.status === 200) tabs.ok += 1;
    if (told.what === 'answered' && told.status === 401) tabs.rejected += 1;
    if (told.what === 'sent' && told.time > 1) tabs.replayed += 1;
    if (told.what === 'posted') tabs.posts += 1;
    if (told.what === 'event' && told.type === 'refreshed') tabs.refreshed += 1;
    if (told.what === 'event' && told.type === 'adopted') tabs.adopted += 1;
    this.draw();
  }

  draw(): void {
    const { tabs, servers } = this;
    if (servers === undefined) return;
    for (const [name, row] of Object.entries(rows)) {
      const line = element(`#row-${name}`);
      const [said, true_] = [row.tabs(tabs), row.servers(servers)];
      write(element('.tabs', line), `${said}`);
      write(element('.servers', line), `${true_}`);
      const difference = said - true_;
      const reason = difference > 0 ? row.more : row.less;
      line.toggleAttribute('data-differs', difference !== 0);
      write(element('.agree', line), difference === 0 ? '=' : `${Math.abs(difference)} ${reason}`);
    }
    write(element('#row-replayed .tabs'), `${tabs.replayed}`);
    write(element('#row-adopted .tabs'), `${tabs.adopted}`);
    for (const name of ['spent', 'chain', 'reuses'] as const) write(element(`#${name}`), `${servers[name]}`);
    write(element('#ended'), `${servers.familiesRevoked + servers.revocations}`);
    element('#promise').toggleAttribute('data-broken', servers.reuses > 0);
  }
}
