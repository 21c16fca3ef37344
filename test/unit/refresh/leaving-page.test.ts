/** Leaving a page: the browser stops its script at any point, and the response of a refresh is lost. */
import { TokenManager } from 'tokenkeep';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type OpenedManager, openManager } from '../../support/open-manager.ts';

let page: EventTarget;
const happens = (type: string) => void page.dispatchEvent(new Event(type));

beforeEach(() => {
  page = new EventTarget();
  vi.stubGlobal('window', page);
  vi.stubGlobal('document', { baseURI: 'https://app.test/' });
});
afterEach(() => vi.unstubAllGlobals());

/** A call that needs a refresh, in a page that has received this event. */
async function callIn(
  said: string,
): Promise<OpenedManager & { calling: Promise<number>; settled: () => boolean }> {
  const opened = await openManager();
  opened.server.expire();
  happens(said);
  let isSettled = false;
  const calling = opened.call().finally(() => {
    isSettled = true;
  });
  await opened.clock.advance(2_999);
  return { ...opened, calling, settled: () => isSettled };
}

describe.each(['beforeunload', 'pagehide'])('after %s', (said) => {
  test('no refresh is started: nothing is sent, and no mark is left for the next page', async () => {
    const { server, settled, storage, open } = await callIn(said);
    expect(server.counts.tokenRequests).toBe(0);
    expect(settled()).toBe(false);
    // The page is gone with its lock. The next one refreshes the same session.
    page = new EventTarget();
    vi.stubGlobal('window', page);
    const next = open({ lock: { reach: 'process', request: (_name, _options, run) => run() }, storage });
    expect((await next.fetch(`${server.apiOrigin}/orders`)).status).toBe(200);
    expect(server.counts).toMatchObject({ tokenRequests: 1, refreshes: 1, reuses: 0 });
  });

  test('a page that stays refreshes after three seconds', async () => {
    const { server, clock, calling } = await callIn(said);
    await clock.advance(1);
    expect(await calling).toBe(200);
    expect(server.counts).toMatchObject({ tokenRequests: 1, refreshes: 1 });
  });

  test('a page that comes back refreshes at once', async () => {
    const { server, calling } = await callIn(said);
    happens('pageshow');
    expect(await calling).toBe(200);
    expect(server.counts.refreshes).toBe(1);
  });

  test('forgets the event after three seconds: a later refresh does not wait', async () => {
    const { server, call } = await openManager();
    happens(said);
    const now = Date.now();
    vi.spyOn(Date, 'now').mockReturnValue(now + 3_000);
    server.expire();
    expect(await call()).toBe(200);
  });
});

test('a page that starts unloading while it writes the marker removes the marker, and sends nothing', async () => {
  const { manager, server, storage, clock, open } = await openManager();
  await manager.close();
  const write = storage.write.bind(storage);
  const marks: boolean[] = [];
  const leavingStorage = {
    ...storage,
    write: async (...given: Parameters<typeof write>) => {
      const version = await write(...given);
      marks.push((given[1] as { pendingRefresh?: object }).pendingRefresh !== undefined);
      if (marks.length === 1) happens('beforeunload');
      return version;
    },
  };
  const leaving = open({ storage: leavingStorage });
  server.expire();
  const calling = leaving.fetch(`${server.apiOrigin}/orders`);
  await vi.waitFor(() => expect(marks).toEqual([true, false]));
  expect(server.counts.tokenRequests).toBe(0);
  await clock.advance(3_000);
  expect((await calling).status).toBe(200);
  expect(server.counts).toMatchObject({ tokenRequests: 1, refreshes: 1 });
});

test('adds no listeners outside a page', () => {
  vi.stubGlobal('document', undefined);
  const listens = vi.spyOn(page, 'addEventListener');
  new TokenManager({
    clientId: 'app',
    authorizationServer: { tokenEndpoint: 'https://as.test/token' },
    protectedResources: ['https://api.test/'],
  });
  vi.stubGlobal('document', {});
  vi.stubGlobal('window', {}); // React Native
  new TokenManager({
    clientId: 'app',
    authorizationServer: { tokenEndpoint: 'https://as.test/token' },
    protectedResources: ['https://api.test/'],
  });
  expect(listens).not.toHaveBeenCalled();
});
