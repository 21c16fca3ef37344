import { expect, test } from 'vitest';
import type { Scenarios } from '../support/describe.ts';
import type { StorageName } from '../support/page/commands.ts';
import { serveTokenHandler } from '../support/token-handler.ts';
import type { Tab } from '../support/world.ts';

const shared: StorageName[] = ['localStorage', 'indexedDb'];

/** A session in real cookies of a token handler, in several tabs. */
export const cookies: Scenarios = (_engine, world) => {
  test.each(shared)(
    'BBA-12: 4 tabs on %s whose tokens are in cookies: one POST at one expiry, and no script sees a token',
    { timeout: 60_000 },
    async (storage) => {
      await using handler = await serveTokenHandler(world().site.origin);
      const { server, url, api, requests } = handler;
      const tabs: Tab[] = [];
      for (let count = 0; count < 4; count++) tabs.push(await world().openTab());
      const session = `cookies ${storage} ${Date.now()}`;
      for (const tab of tabs) await tab.call('open', { storage, session, issuer: url, handler: url, api });
      expect(await tabs[0]?.call('logInAtHandler', url)).toBe('');
      const before = await Promise.all(tabs.map((tab) => tab.call('callApi')));
      expect(new Set(before.flat())).toEqual(new Set(['200 at1']));

      server.expire();
      const after = await Promise.all(tabs.map((tab) => tab.call('callApi', 3)));
      expect(new Set(after.flat())).toEqual(new Set(['200 at2']));
      expect(requests.filter((request) => request === 'POST /oauth-agent/refresh')).toHaveLength(1);
      expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0, familiesRevoked: 0 });
      const stored = JSON.stringify(await Promise.all(tabs.map((tab) => tab.call('tokens'))));
      for (const token of [server.currentAccessToken(), server.currentRefreshToken()]) {
        expect(stored).not.toContain(token);
      }

      expect(await tabs[1]?.call('signOut')).toEqual({ revoked: true });
      const count = requests.length;
      for (const tab of tabs) expect(await tab.call('tryApi')).toBe('ERR_LOGIN_REQUIRED signed_out');
      expect(requests.length).toBe(count);
      // The cookies are gone: without a record of the session, the handler says so itself.
      const late = await world().openTab();
      await late.call('open', { storage, session, issuer: url, handler: url, api });
      expect(await late.call('tryApi')).toBe('ERR_LOGIN_REQUIRED invalid_grant');
    },
  );
};
