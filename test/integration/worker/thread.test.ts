/** Real threads, ports and Web Locks, as Node has them. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type ConnectedTokenManager, connectTokenManager } from 'tokenkeep/worker';
import { afterEach, beforeEach, expect, test } from 'vitest';

const url = 'https://api.test/orders';

let thread: Worker;
const pages: ConnectedTokenManager[] = [];
beforeEach(() => {
  thread = new Worker(new URL('./support/thread.ts', import.meta.url));
});
afterEach(async () => {
  for (const page of pages.splice(0)) page.close();
  await thread.terminate();
});

function open(): ConnectedTokenManager {
  const { port1, port2 } = new MessageChannel();
  thread.postMessage(port2, [port2 as never]);
  const worker = Object.assign(new EventTarget(), { port: port1 }) as unknown as SharedWorker;
  const page = connectTokenManager({ worker: () => worker });
  pages.push(page);
  return page;
}

async function counts(): Promise<Record<string, number>> {
  thread.postMessage('counts');
  const [counted] = (await once(thread, 'message')) as [Record<string, number>];
  return counted;
}

test('8 pages of a thread at one expiry: 1 refresh, and all receive it', async () => {
  const all = Array.from({ length: 8 }, () => open());
  const heard: string[] = [];
  for (const page of all) page.on('refreshed', ({ type }) => heard.push(type));
  await all[0]?.login('sign in');
  const calls = () => Promise.all(all.flatMap((page) => [page.fetch(url), page.fetch(url)]));
  expect(new Set((await calls()).map(({ status }) => status))).toEqual(new Set([200]));
  await all[0]?.login('expire');
  expect(new Set((await calls()).map(({ status }) => status))).toEqual(new Set([200]));
  expect(await counts()).toMatchObject({ refreshAttempts: 1, refreshes: 1, reuses: 0 });
  expect(heard).toHaveLength(8);
});

test('a large body crosses in pieces, and an upload is whole', async () => {
  const page = open();
  await page.login('sign in');
  const sizes: number[] = [];
  const { body } = await page.fetch('https://api.test/large');
  for await (const piece of body as ReadableStream<Uint8Array>) sizes.push(piece.length);
  expect(sizes).toEqual(Array.from({ length: 8 }, () => 1024 * 1024));
  const sent = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251);
  const [plain, streamed] = (await Promise.all(
    [{ body: sent }, { body: new Blob([sent]).stream(), duplex: 'half' }].map(async (init) =>
      (await page.fetch(url, { method: 'POST', ...init } as RequestInit)).json(),
    ),
  )) as { body: { length: number; hash: string } }[];
  expect(plain?.body.length).toBe(100_000);
  expect(streamed?.body).toEqual(plain?.body);
});
