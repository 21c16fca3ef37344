import { expect, test } from 'vitest';
import { type CertifiedServer, startCertifiedServer } from '../../support/certified-server/index.ts';
import type { Scenarios } from '../support/describe.ts';
import type { Tab, World } from '../support/world.ts';

const clientId = 'page';

/** A certified server that knows the page, and users who log in there. */
async function open({ site }: World) {
  const places = ['/callback', '/signed-in'].map((path) => `${site.origin}${path}`);
  const server = await startCertifiedServer({
    moreClients: [
      {
        client_id: clientId,
        token_endpoint_auth_method: 'none',
        redirect_uris: places,
        post_logout_redirect_uris: [`${site.origin}/signed-out`],
      },
    ],
  });
  return {
    server,
    client: (user: string) => ({ clientId, issuer: server.issuer, user }),
    /** The page has a manager, and nobody is signed in. */
    async ready(tab: Tab, session: string) {
      const { issuer } = server;
      await tab.call('open', { storage: 'indexedDb', session, clientId, issuer, api: 'https://api.test/' });
    },
    async [Symbol.asyncDispose]() {
      expect(server.errors).toEqual([]);
      await server.close();
    },
  };
}

/** The tokens of a login are good, and a refresh brings others that are: for this user. */
async function isSignedIn(tab: Tab, server: CertifiedServer, user: string): Promise<void> {
  const first = await tab.call('accessToken');
  expect(await server.introspect(first)).toMatchObject({ active: true, sub: user });
  const second = await tab.call('rejectedToken', first);
  expect(await server.introspect(second)).toMatchObject({ active: true, sub: user });
  const { refreshToken = '' } = (await tab.call('tokens')) ?? {};
  expect(await server.family(refreshToken)).toMatchObject({ logins: 1, refreshes: 1, reuses: 0 });
}

/** Logins in windows. Not for WebKitGTK: MiniBrowser opens none while it is driven, also after a click. */
export const windows: Scenarios = (_engine, world) => {
  test('a login in a window: the user clicks, agrees, and the window is gone', {
    timeout: 60_000,
  }, async () => {
    await using scene = await open(world());
    const tab = await world().openTab();
    await scene.ready(tab, 'in a window');
    await tab.call('offerLogin', scene.client('grace'));
    await tab.click('button');
    expect(await tab.call('loggedIn')).toBe('grace');
    await isSignedIn(tab, scene.server, 'grace');
    // Once more, over the session that is there.
    await tab.call('offerLogin', scene.client('ada'));
    await tab.click('button');
    expect(await tab.call('loggedIn')).toBe('ada');
    await isSignedIn(tab, scene.server, 'ada');
  });

  test('a window that its user closes: cancelled, and the session before it lives', {
    timeout: 60_000,
  }, async () => {
    await using scene = await open(world());
    const tab = await world().openTab();
    await scene.ready(tab, 'closed');
    await tab.call('offerLogin', scene.client('grace'));
    await tab.click('button');
    expect(await tab.call('loggedIn')).toBe('grace');
    const authorizationEndpoint = `${world().site.origin}/closed`;
    await tab.call('offerLogin', { ...scene.client('eve'), authorizationEndpoint });
    await tab.click('button');
    expect(await tab.call('loggedIn')).toBe('cancelled');
    await isSignedIn(tab, scene.server, 'grace');
  });
};

/** … which makes it a browser that blocks them. */
export const blocked: Scenarios = (_engine, world) => {
  test('a window that the browser does not open: that is said, and the next login by redirect works', {
    timeout: 60_000,
  }, async () => {
    await using scene = await open(world());
    const tab = await world().openTab();
    await scene.ready(tab, 'blocked');
    await tab.call('offerLogin', scene.client('grace'));
    await tab.click('button');
    expect(await tab.call('loggedIn')).toBe('popup_blocked');
    const landed = world().site.landing('/signed-in');
    await tab.call('goToLogin', scene.client('grace'));
    await landed;
    await scene.ready(tab, 'blocked');
    expect(await tab.call('finishLogin', scene.client('grace'))).toBe('grace');
    await isSignedIn(tab, scene.server, 'grace');
  });
};

/** Logins and logouts that leave the page and come back. */
export const logins: Scenarios = (_engine, world) => {
  test('three logins by redirect are in progress in three tabs: each comes back as its own user', {
    timeout: 60_000,
  }, async () => {
    await using scene = await open(world());
    const tabs: [Tab, string][] = [];
    for (const user of ['ada', 'grace', 'joan']) {
      const tab = await world().openTab();
      tabs.push([tab, user]);
      const landed = world().site.landing('/signed-in');
      await tab.call('goToLogin', scene.client(user));
      await landed;
    }
    const came = tabs.map(async ([tab, user]) => {
      await scene.ready(tab, `by redirect ${user}`);
      return await tab.call('finishLogin', scene.client(user));
    });
    expect(await Promise.all(came)).toEqual(['ada', 'grace', 'joan']);
    for (const [tab, user] of tabs) await isSignedIn(tab, scene.server, user);
  });

  test('a logout signs out all tabs, goes to the server, and comes back with its state', {
    timeout: 60_000,
  }, async () => {
    await using scene = await open(world());
    const [tab, other] = [await world().openTab(), await world().openTab()];
    const signedIn = world().site.landing('/signed-in');
    await tab.call('goToLogin', scene.client('grace'));
    await signedIn;
    await scene.ready(tab, 'logout');
    expect(await tab.call('finishLogin', scene.client('grace'))).toBe('grace');
    await scene.ready(other, 'logout');
    const { refreshToken = '' } = (await other.call('tokens')) ?? {};
    expect(await scene.server.introspect(refreshToken)).toMatchObject({ active: true });

    const signedOut = world().site.landing('/signed-out');
    expect(await tab.call('goToLogout')).toEqual({
      outcome: 'redirect',
      idTokenHint: 'sent',
      revocation: { revoked: true },
    });
    await signedOut;
    expect(await tab.call('finishLogout')).toEqual({
      outcome: 'returned',
      returnTo: '/orders',
      state: 'checked',
    });
    expect(await tab.call('finishLogout')).toEqual({ outcome: 'none', reason: 'unknown' });
    await scene.ready(tab, 'logout');
    expect([await tab.call('tokens'), await other.call('tokens')]).toEqual([null, null]);
    expect(await scene.server.introspect(refreshToken)).toMatchObject({ active: false });
  });
};
