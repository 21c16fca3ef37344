/**
 * Runs in the pages and workers of the tests: takes commands from the test, and reports.
 */
import { commands as others } from './commands.ts';
import { logins } from './logins.ts';

const commands = { ...others, ...logins };
export type Commands = typeof commands;

export interface Order {
  readonly id: number;
  readonly name: string;
  readonly parameters: readonly unknown[];
}

export interface Report {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { readonly message: string } & Record<string, unknown>;
}

let polling = new AbortController();
let afterReport: (() => void) | undefined;
/** A page that comes back from a login has another address, and is in the same tab. */
const port = new URL(location.href).searchParams.get('control') ?? sessionStorage.getItem('control');

function takeOrders(): void {
  polling.abort();
  polling = new AbortController();
  void listen(polling.signal);
}

async function listen(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/`, { signal, cache: 'no-store' });
      const order: Order | null = await response.json();
      if (order !== null) void obey(order);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20)); // offline, or asleep
    }
  }
}

async function obey({ id, name, parameters }: Order): Promise<void> {
  const command = commands[name as keyof Commands] as (...parameters: readonly unknown[]) => unknown;
  const report: Report = await Promise.resolve()
    .then(() => command(...parameters))
    .then(
      (value) => ({ id, value }),
      (error: Error) => ({
        id,
        error: { ...error, name: error?.name, message: String(error?.message ?? error) },
      }),
    );
  const body = JSON.stringify(report);
  for (;;) {
    try {
      // With `keepalive` Firefox sends it 20 s later now and then, and without it keeps no page that has just sent something.
      await fetch(`http://127.0.0.1:${port}/`, {
        method: 'POST',
        body,
        keepalive: afterReport !== undefined,
      });
      return afterReport?.();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

// A page that waits for an order is not put into the back/forward cache by every browser.
Object.assign(globalThis, {
  hangUp(next: () => void) {
    polling.abort();
    afterReport = next;
  },
});
globalThis.addEventListener('pageshow', (event) => {
  afterReport = undefined;
  if ((event as PageTransitionEvent).persisted) takeOrders();
});
takeOrders();
