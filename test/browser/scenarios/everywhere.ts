import { expect, test } from 'vitest';
import type { Scenarios } from '../support/describe.ts';
import type { StorageName } from '../support/page/commands.ts';
import { Scene } from '../support/world.ts';

const storages: StorageName[] = ['localStorage', 'indexedDb'];

/** Sign-out, accounts, and what the browser refuses. */
export const everywhere: Scenarios = (engine, world) => {
  test.each(storages)(
    'law sign-out-wins, B57: a sign-out in one tab reaches the other, %s: it starts no request',
    {
      timeout: 60_000,
    },
    async (storage) => {
      await using scene = await Scene.open(storage);
      const { server } = scene;
      const [here, there] = [await world().openTab(), await world().openTab()];
      for (const tab of [here, there]) await scene.join(tab);
      await here.call('signIn', scene.login());
      await there.call('callApi');
      expect(await here.call('signOut')).toEqual({ revoked: true });
      await there.call('hears', 'signedOut: elsewhere');
      expect(await there.call('accessToken')).toBe('ERR_LOGIN_REQUIRED signed_out');
      expect(await there.call('tokens')).toBe(null);
      expect(server.counts).toMatchObject({ tokenRequests: 0, revocations: 1, apiRejected: 0 });
    },
  );

  test.each(storages)(
    'law sign-out-wins, B59: a sign-out in one tab wins over the refresh in the other, %s',
    {
      timeout: 60_000,
    },
    async (storage) => {
      await using scene = await Scene.open(storage);
      const { server } = scene;
      const [here, there] = [await world().openTab(), await world().openTab()];
      for (const tab of [here, there]) await scene.join(tab);
      const login = scene.login();
      await there.call('signIn', login);
      server.expire();
      const hold = server.hold({ commits: true });
      const refreshing = there.call('callApi').catch((error: { reason?: string }) => error.reason);
      await hold.arrived();
      await here.call('signOut');
      await there.call('isGone');
      await hold();
      expect(await refreshing).toBe('signed_out');
      await there.call('hears', 'lateTokensDiscarded');
      expect(await there.call('tokens')).toBe(null);
      expect(server.isActive(server.currentRefreshToken(login.refresh_token ?? undefined) ?? '')).toBe(false);
      expect(server.counts).toMatchObject({ refreshAttempts: 1, reuses: 0 });
    },
  );

  test('two accounts in two tabs: each its own tokens, refreshed side by side, and one signs out alone', {
    timeout: 60_000,
  }, async () => {
    await using scene = await Scene.open('localStorage');
    const { server } = scene;
    const [alice, bob] = [await world().openTab(), await world().openTab()];
    await scene.join(alice, { session: `${scene.session} alice` });
    await scene.join(bob, { session: `${scene.session} bob` });
    await alice.call('signIn', scene.login());
    await bob.call('signIn', scene.login());
    expect([await alice.call('callApi'), await bob.call('callApi')]).toEqual([['200 at1'], ['200 at2']]);
    server.expire();
    const served = await Promise.all([alice.call('callApi', 5), bob.call('callApi', 5)]);
    expect(served.flat().sort()).toEqual(['200 at3', '200 at4']);
    await alice.call('signOut');
    expect(await alice.call('accessToken')).toBe('ERR_LOGIN_REQUIRED signed_out');
    expect(await bob.call('callApi')).toEqual(served[1]);
    expect(server.counts).toMatchObject({ refreshAttempts: 2, refreshes: 2, reuses: 0 });
  });

  test('WL-01: where the browser refuses storage and locks: typed errors, nothing weaker', {
    timeout: 60_000,
  }, async () => {
    const frame = await world().openTab('/sandbox');
    expect(await frame.call('refusals')).toEqual({
      webStorage: 'ERR_STORAGE',
      indexedDbStorage: 'ERR_STORAGE',
      webLock: 'ERR_CONFIGURATION',
    });
  });

  test('B53: localStorage is full before a refresh: nothing is spent; full at the commit: the tokens are used and stored later', {
    timeout: 60_000,
  }, async () => {
    await using scene = await Scene.open('localStorage');
    const { server } = scene;
    const tab = await world().openTab();
    await scene.join(tab);
    const login = scene.login();
    await tab.call('signIn', login);
    server.expire();
    await tab.call('fill');
    const refused = await tab.call('rejectedToken', login.access_token).catch(({ code }) => code);
    await tab.call('free');
    expect([refused, server.counts.tokenRequests]).toEqual(['ERR_STORAGE', 0]);
    // The marker proves that there is room, but not for an answer that is longer than the one before.
    server.fail({ members: { note: 'x'.repeat(10_000) } });
    await tab.call('stopAt', 'before the commit');
    const calling = tab.call('callApi');
    await tab.call('reached');
    await tab.call('fill');
    await tab.call('goOn');
    expect(await calling).toEqual(['200 at2']);
    const told = await tab.call('told');
    await tab.call('free');
    expect(told).toContain('storeFailed');
    await tab.call('hears', 'stored');
    const other = await world().openTab();
    await scene.join(other);
    expect(await other.call('callApi')).toEqual(['200 at2']);
    expect(server.counts).toMatchObject({ refreshAttempts: 1, refreshes: 1, reuses: 0 });
  });

  test('a lost key: the session is rejected with that reason, and the next login works', {
    timeout: 60_000,
  }, async () => {
    await using scene = await Scene.open('encrypted');
    const [tab, later] = [await world().openTab(), await world().openTab()];
    await scene.join(tab);
    await tab.call('signIn', scene.login());
    await tab.run(loseKey);
    await scene.join(later);
    expect(await later.call('accessToken')).toBe('ERR_LOGIN_REQUIRED no_tokens');
    expect(await later.call('told')).toContain('recordRejected: key lost');
    await later.call('signIn', scene.login());
    await tab.call('hears', 'signedIn: elsewhere'); // a call that began before would end with the login before
    expect(await tab.call('callApi')).toEqual(['200 at2']);
  });

  test(`offline and back (${engine}): nothing is sent without a network, and one refresh when it is back`, {
    timeout: 60_000,
  }, async () => {
    await using scene = await Scene.open('indexedDb');
    const { server } = scene;
    const tabs = [await world().openTab(), await world().openTab()];
    for (const tab of tabs) await scene.join(tab);
    const login = scene.login();
    await tabs[0]?.call('signIn', login);
    for (const tab of tabs) await tab.call('callApi');
    const { access_token: token } = login;
    if (tabs[0]?.setOffline === undefined) return await serverGone();
    const observer = await world().openTab();
    const known = observer.call('asked', tabs.length);
    const asked = tabs.map((tab) => tab.call('offlineAndBack', token));
    await Promise.all(tabs.map((tab) => tab.call('burn', 0))); // they have begun
    for (const tab of tabs) await tab.setOffline?.(true);
    await known;
    for (const tab of tabs) await tab.setOffline?.(false);
    const outcomes = await Promise.all(asked);
    const fresh = server.currentAccessToken(token);
    for (const { without, back } of outcomes) {
      expect(new Set(without)).toEqual(new Set(['ERR_REFRESH_FAILED sent: false']));
      expect(back).toEqual([fresh]);
    }
    expect(server.counts).toMatchObject({ refreshAttempts: 1, refreshes: 1, reuses: 0 });

    /** Where the driver cannot cut the network, the server goes. */
    async function serverGone(): Promise<void> {
      const { url, apiUrl } = scene.listening;
      await scene.listening.close();
      const codes = await Promise.all(
        tabs.map((tab) => tab.call('rejectedToken', token).catch(({ code, reason }) => reason ?? code)),
      );
      expect(new Set(codes)).toEqual(new Set(['ERR_REFRESH_FAILED']));
      await using _again = await server.listen({
        port: Number(new URL(url).port),
        apiPort: Number(new URL(apiUrl).port),
      });
      const served = await Promise.all(tabs.map((tab) => tab.call('rejectedTokenInTime', token)));
      expect(new Set(served)).toEqual(new Set([server.currentAccessToken(token)]));
      expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
    }
  });
};

/** Runs in the page: deletes the key that records are encrypted with. */
async function loseKey(): Promise<void> {
  await new Promise((resolve, reject) => {
    const opening = indexedDB.open('encrypted');
    opening.onerror = reject;
    opening.onsuccess = () => {
      const transaction = opening.result.transaction('keys', 'readwrite');
      transaction.objectStore('keys').clear();
      transaction.oncomplete = () => {
        opening.result.close();
        resolve(undefined);
      };
    };
  });
}
