/** The playground sees a refresh at the contracts that the library is handed: all of its steps, in their order. */
import { memoryLock, memoryStorage, TokenManager } from 'tokenkeep';
import { authorizationServer } from 'tokenkeep/testing';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Fact } from '../../examples/playground/page/facts.ts';
import { Pace } from '../../examples/playground/page/pace.ts';
import { lineOf } from '../../examples/playground/page/telling.ts';
import { Watched } from '../../examples/playground/page/watched.ts';

const storage = () => ({ storage: memoryStorage(), lock: memoryLock() });
let server: ReturnType<typeof authorizationServer>;
beforeEach(() => {
  server = authorizationServer();
  vi.stubGlobal('fetch', server.fetch);
});

/** A tab: a manager whose contracts are watched, and what was seen. */
function tab(shared = storage()) {
  const facts: Fact[] = [];
  const pace = new Pace();
  const watched = new Watched({ pace, tell: (fact) => facts.push(fact) });
  const { metadata, apiOrigin } = server;
  const manager = new TokenManager({
    clientId: 'test-client',
    authorizationServer: metadata,
    protectedResources: [apiOrigin],
    storage: watched.storage(shared.storage),
    lock: watched.lock(shared.lock),
    fetch: watched.fetch(metadata.tokenEndpoint),
  });
  const call = async (number = 1) =>
    (await manager.fetch(`${apiOrigin}/orders`, { headers: { 'x-call': `${number}` } })).status;
  const steps = () =>
    facts.flatMap((fact) =>
      fact.what === 'step' ? [[fact.step, fact.detail].filter((part) => part !== undefined).join(' ')] : [],
    );
  return { manager, call, facts, steps, pace };
}

const wholeRefresh = ['1', '2 waits', '2 holds', '3', '4', '5 marks', '5 posts', '6', '7', '0'];

test('a call with a fresh token passes no step', async () => {
  const { manager, call, steps } = tab();
  await manager.setTokens(server.signIn());
  expect(await call()).toBe(200);
  expect(steps()).toEqual([]);
});

test('a refresh passes all seven, once for all callers; each call is seen to be replayed once', async () => {
  const { manager, call, facts, steps } = tab();
  await manager.setTokens(server.signIn());
  server.expire();
  expect(await Promise.all([call(1), call(2), call(3)])).toEqual([200, 200, 200]);
  expect(steps()).toEqual(wholeRefresh);
  const replays = facts.flatMap((fact) => (fact.what === 'sent' && fact.time === 2 ? [fact.call] : []));
  expect(replays.sort()).toEqual([1, 2, 3]);
  expect(facts.filter(({ what }) => what === 'posted')).toHaveLength(server.counts.refreshes);
});

test('the second tab spends nothing: it finds the stored tokens', async () => {
  const shared = storage();
  const [first, second] = [tab(shared), tab(shared)];
  await first.manager.setTokens(server.signIn());
  expect([await first.call(), await second.call()]).toEqual([200, 200]);
  server.expire();
  expect(await Promise.all([first.call(), second.call()])).toEqual([200, 200]);
  const seen = [first.steps(), second.steps()];
  expect(seen.filter((steps) => steps.includes('5 posts'))).toEqual([wholeRefresh]);
  expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
});

test('a tab that is to freeze does so with the lock in its hand, and continues when it wakes up', async () => {
  const { manager, call, facts, steps, pace } = tab();
  await manager.setTokens(server.signIn());
  server.expire();
  pace.isTired = true;
  const calling = call();
  await vi.waitFor(() => expect(facts.at(-1)).toEqual({ what: 'frozen' }));
  expect(steps()).toEqual(['1', '2 waits', '2 holds']);
  expect(server.counts.refreshes).toBe(0);
  pace.wake();
  expect(await calling).toBe(200);
  expect(steps()).toEqual(wholeRefresh);
});

test('texts for people contain no token', async () => {
  const { manager, call, facts } = tab();
  await manager.setTokens(server.signIn());
  const { accessToken = 'none', refreshToken = 'none' } = (await manager.getTokens()) ?? {};
  server.expire();
  await call();
  const told =
    JSON.stringify(facts) + facts.map((fact) => lineOf({ ...fact, tab: 1, at: 0 })?.text(1)).join();
  expect(told).toContain('sends the refresh token, once');
  expect(told).not.toContain(accessToken);
  expect(told).not.toContain(refreshToken);
});
