/** K4d: a token endpoint that is unreachable, or hidden from a page, for hours. */
import { faults } from 'tokenkeep/testing';
import { afterEach, expect, test, vi } from 'vitest';
import { stubBrowserFetch } from '../../support/browser.ts';
import { openManager } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';

afterEach(() => vi.unstubAllGlobals());

const refused = () => Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } });

test('K4d: error and event contain since when and how often the token endpoint was unreachable', async () => {
  const { manager, expire, events, clock, open } = await openManager({
    manager: { fetch: () => Promise.reject(refused()) },
  });
  expire();
  const since = clock.now();
  for (let tries = 1; tries <= 20; tries++) {
    expect(await rejection(manager.getAccessToken())).toMatchObject({ sent: false, since, failures: tries });
    clock.set(clock.now() + 60_000);
  }
  expect(events.at(-1)).toMatchObject({ type: 'refreshFailed', error: { since, failures: 20 } });
  expect(await rejection(open().getAccessToken())).toMatchObject({ since, failures: 21 });
});

test('K4d: answers that never arrive count as well, also between other failures', async () => {
  const { manager, expire, clock, server } = await openManager();
  expire();
  const since = clock.now();
  server.fail(faults.lostRequest);
  server.fail(faults.serverError);
  server.fail(faults.lostRequest, { times: 2 });
  for (let tries = 1; tries <= 4; tries++) {
    expect(await rejection(manager.getAccessToken())).toMatchObject({ since, failures: tries });
    clock.set(clock.now() + 60_000);
  }
  expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
  expire();
  server.fail(faults.lostRequest);
  expect(await rejection(manager.getAccessToken())).toMatchObject({ since: clock.now(), failures: 1 });
});

test.each([true, false])(
  'K4d: the message names CORS in a page and nowhere else (page: %s)',
  async (isPage) => {
    if (isPage) stubBrowserFetch();
    const { manager, expire, server } = await openManager();
    expire();
    server.fail(faults.lostRequest);
    const { message } = (await rejection(manager.getAccessToken())) as Error;
    expect(message.includes('CORS')).toBe(isPage);
  },
);
