import { expect, test } from 'vitest';
import type { Scenarios } from '../support/describe.ts';
import { Scene } from '../support/world.ts';

/** Sessions that are bound to a key which no script can take away. */
export const keys: Scenarios = (_engine, world) => {
  test('9449-13: a key that cannot be exported lies in IndexedDB: it signs in other tabs and after a reload, with nonces, and is lost when it is gone', {
    timeout: 60_000,
  }, async () => {
    await using scene = await Scene.open('indexedDb', {
      dpop: { required: true, nonces: ['token', 'api'], nonceUses: 5 },
    });
    const { server } = scene;
    const [first, second] = [await world().openTab(), await world().openTab()];
    for (const tab of [first, second]) await scene.join(tab, { bound: true });
    const key = await first.call('newKey');
    await first.call('signIn', scene.login(key));
    expect(await first.call('takeKey', key)).toBe('not extractable');
    expect(await first.call('callApi', 5)).toEqual(['200 at1']);
    server.expire();
    const served = await Promise.all([first, second].map((tab) => tab.call('callApi', 5)));
    expect(new Set(served.flat())).toEqual(new Set(['200 at2']));
    await first.close();
    const third = await world().openTab();
    await scene.join(third, { bound: true });
    server.expire();
    expect(await third.call('callApi', 5)).toEqual(['200 at3']);
    expect(server.counts).toMatchObject({
      refreshes: 2,
      refreshTokensResent: 0,
      reuses: 0,
      proofsRefused: 0,
      proofReplays: 0,
      boundTokensAsBearer: 0,
    });
    await third.call('loseKey', key);
    const { tokenRequests } = server.counts;
    const fourth = await world().openTab();
    await scene.join(fourth, { bound: true });
    expect(await fourth.call('accessToken')).toBe('ERR_LOGIN_REQUIRED no_key');
    expect(server.counts.tokenRequests).toBe(tokenRequests);
  });
};
