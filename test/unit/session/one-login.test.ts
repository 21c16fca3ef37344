/** Law one-login: a call or refresh of one login is never sent, replayed, stored or announced under another login. */
import { ConfigurationError, memoryStorage, type TokenResponse } from 'tokenkeep';
import { clientCredentials, clientSecretBasic } from 'tokenkeep/client-authentication';
import { importSession } from 'tokenkeep/login';
import { describe, expect, test } from 'vitest';
import { eventsOf } from '../../support/events.ts';
import { explained } from '../../support/explained.ts';
import {
  api,
  callApi,
  key,
  type OpenedManager,
  type OpenManagerOptions,
  openManager,
} from '../../support/open-manager.ts';
import { deferred, rejection, times } from '../../support/promises.ts';

const post = { method: 'POST', body: 'one' };
const changed = { code: 'ERR_LOGIN_REQUIRED', reason: 'login_changed' };
type Scene = OpenedManager & Awaited<ReturnType<typeof users>>;

/** Alice is signed in. Every login has an ID token that names its user. */
async function alice(options: OpenManagerOptions = {}): Promise<Scene> {
  const scene = await openManager({ signedIn: false, ...options });
  const more = await users(scene);
  await scene.manager.setTokens(more.tokensOf('alice'));
  scene.events.length = 0;
  return { ...scene, ...more };
}

async function users({ server }: OpenedManager) {
  const families = new Map<string, string>();
  const familyOf = (id: string | undefined) =>
    server.log.find(({ issued }) => issued?.includes(id ?? '') === true)?.family ?? '';
  const tokensOf = (subject: string, how: object = {}) => {
    const tokens = server.signIn({ subject, ...how });
    families.set(familyOf(server.idOf(tokens.access_token)), subject);
    return tokens;
  };
  return {
    tokensOf,
    /** The owner of the token of each request to the API. */
    received: () => server.requests.map(({ token }) => families.get(familyOf(token)) ?? 'nobody'),
    ownerOf: (token: string) => families.get(familyOf(server.idOf(token))) ?? 'nobody',
  };
}

/** The ways in which Bob signs in. */
const arrivals: Record<string, (scene: Scene) => Promise<void>> = {
  'signs in over her': ({ manager, tokensOf }) => manager.setTokens(tokensOf('bob')),
  async 'signs in after her sign-out'({ manager, tokensOf }) {
    const signedOut = manager.signOut();
    await manager.setTokens(tokensOf('bob'));
    signedOut.catch(() => undefined); // it waits for the refresh of Alice
  },
  async 'signs in in another tab'({ open, tokensOf, clock }) {
    await open().setTokens(tokensOf('bob'));
    await clock.advance(0);
  },
  async 'signs in in another tab, of which this one hears'({ open, storage, tokensOf, clock }) {
    await open({ storage: storage.inner }).setTokens(tokensOf('bob'));
    await clock.advance(0);
  },
  async 'signs in in another tab after her sign-out there'({ open, tokensOf, clock }) {
    const other = open();
    await other.signOut();
    await other.setTokens(tokensOf('bob'));
    await clock.advance(0);
  },
};

describe.each(Object.entries(arrivals))('K1a: Bob %s', (how, arrive) => {
  const hears = how.endsWith('hears');
  /** This manager continues with the token of Alice until there is evidence. */
  const isUnaware = !hears && how.includes('another tab');
  const start = async (options: OpenManagerOptions = {}) => {
    const scene = await alice(options);
    if (!hears) return scene;
    // The storage emits change events.
    const manager = scene.open({ storage: scene.storage.inner });
    await manager.getAccessToken();
    return { ...scene, manager, events: eventsOf(manager) };
  };

  test('the 401 of a POST of Alice is returned, and nothing is refreshed', async () => {
    const scene = await start();
    scene.server.expire();
    const held = scene.server.hold({ on: 'api', commits: true, times: 1 });
    const call = scene.manager.fetch(api, post);
    await held.arrived();
    await arrive(scene);
    held();
    expect((await call).status).toBe(401);
    expect(scene.received()).toEqual(['alice']);
    expect(scene.server.counts.refreshes).toBe(0);
    expect((await scene.manager.fetch(api, post)).status).toBe(200);
    expect(scene.received()).toEqual(['alice', 'bob']);
  });

  test('calls that wait for a refresh of Alice are rejected and never sent', async () => {
    const scene = await start();
    scene.expire();
    const held = scene.server.hold({ commits: true, times: 1 });
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('one'));
        controller.close();
      },
    });
    const calls = [
      scene.manager.fetch(api, post),
      scene.manager.fetch(api, { method: 'POST', body, duplex: 'half' } as RequestInit),
      scene.manager.getAccessToken(),
      scene.manager.getAccessToken({ scope: ['read'] }),
    ].map(rejection);
    await held.arrived();
    await arrive(scene);
    held();
    for (const call of calls) expect(await call).toMatchObject(changed);
    expect(scene.received()).toEqual([]);
    expect(scene.ownerOf(await scene.manager.getAccessToken())).toBe('bob');
  });

  test('a rejected token of Alice spends no refresh token of Bob, and the call gets no token of Bob', async () => {
    const scene = await start();
    const { manager } = scene;
    const first = await manager.getAccessToken();
    const second = await manager.getAccessToken({ rejectedToken: first });
    await arrive(scene);
    const { refreshes } = scene.server.counts;
    for (const rejectedToken of [second, first]) {
      expect(await rejection(manager.getAccessToken({ rejectedToken }))).toMatchObject(changed);
    }
    expect(scene.ownerOf(await manager.getAccessToken())).toBe('bob');
    for (const rejectedToken of [second, first]) {
      expect(await rejection(manager.getAccessToken({ rejectedToken }))).toMatchObject(changed);
    }
    expect(scene.server.counts.refreshes).toBe(refreshes);
  });

  test('a redirect of a call of Alice is not followed with the token of Bob', async () => {
    const scene = await start();
    const held = scene.server.hold({ on: 'api', commits: true, times: 1 });
    scene.server.fail({ status: 307, headers: { location: '/elsewhere' } } as never, { on: 'api' });
    const call = scene.manager.fetch(api, post).catch((error: unknown) => error);
    await held.arrived();
    await arrive(scene);
    held();
    expect(await call).toMatchObject(isUnaware ? { status: expect.any(Number) } : changed);
    expect(scene.received()).toEqual(isUnaware ? ['alice', 'alice'] : ['alice']);
  });

  test('a replay of Alice that waits for its turn is not sent any more', async () => {
    const scene = await start({ manager: { replayConcurrency: 1 } });
    const { manager, server } = scene;
    server.expire();
    const held = server.hold({
      on: 'api',
      times: 1,
      when: ({ path }) => path === '/orders?first' && server.counts.refreshes > 0,
    });
    const first = manager.fetch(`${api}?first`);
    const second = manager.fetch(`${api}?second`).catch((error: unknown) => error);
    await held.arrived();
    await arrive(scene);
    held();
    await first;
    expect(await second).toMatchObject(isUnaware ? { status: expect.any(Number) } : changed);
    expect(scene.received()).toEqual(times(isUnaware ? 4 : 3, () => 'alice'));
  });

  test('an event names both users, and getTokens() the current one', async () => {
    const scene = await start({ server: { scope: ['openid', 'read', 'write'] } });
    const { manager, events } = scene;
    const before = await manager.getTokens();
    expect(before).toMatchObject({ login: expect.any(String), subject: 'alice' });
    const rejectedToken = await manager.getAccessToken();
    await arrive(scene);
    expect(await rejection(manager.getAccessToken({ rejectedToken }))).toMatchObject(changed);
    const now = await manager.getTokens();
    expect(now).toMatchObject({ login: expect.any(String), subject: 'bob' });
    expect(now?.login).not.toBe(before?.login);
    expect(events.map(({ type }) => type)).not.toContain('adopted');
    const { login, subject } = before ?? {};
    expect(events.at(-1)).toMatchObject({ type: 'signedIn', login: now?.login, subject: 'bob' });
    const replaces = how !== 'signs in after her sign-out';
    expect(events.at(-1)?.['replaced']).toEqual(replaces ? { login, subject } : undefined);
  });
});

test('K1a: a call that waits for the lock does not get the token of a user who signs in meanwhile', async () => {
  const scene = await alice();
  const { manager, storage, tokensOf, expire, server, clock } = scene;
  expire();
  const gate = deferred();
  const holder = storage.lock?.request(
    'tokenkeep:test-client/default',
    { signal: new AbortController().signal },
    () => gate.promise,
  );
  const call = rejection(manager.fetch(api, post));
  await clock.advance(0);
  await manager.setTokens(tokensOf('bob'));
  gate.resolve();
  await holder;
  expect(await call).toMatchObject(changed);
  expect(server.requests).toEqual([]);
  expect(server.counts.refreshes).toBe(0);
});

test('K1a: a call before anything is known belongs to the login that it finds first', async () => {
  const scene = await alice();
  const { open, tokensOf, expire, server, received } = scene;
  expire();
  const page = open();
  const held = server.hold({ commits: true, times: 1 });
  const call = rejection(page.fetch(api, post));
  await held.arrived();
  await open().setTokens(tokensOf('bob'));
  held();
  expect(await call).toMatchObject(changed);
  expect(received()).toEqual([]);
});

test('K1a: after a page has read the tokens of a login, its next call belongs to that login', async () => {
  const { open, tokensOf, received } = await alice();
  const page = open();
  expect(await page.getTokens()).toBeDefined();
  await open().setTokens(tokensOf('bob'));
  expect(await rejection(page.fetch(api, post))).toMatchObject(changed);
  expect((await page.fetch(api, post)).status).toBe(200);
  expect(received()).toEqual(['bob']);
});

test('K1a: does not return a narrower token of Alice after Bob signed in in another tab', async () => {
  const { manager, open, tokensOf, ownerOf } = await alice();
  const narrow = { scope: ['read'] };
  expect(ownerOf(await manager.getAccessToken(narrow))).toBe('alice');
  await open().setTokens(tokensOf('bob'));
  const rejectedToken = await manager.getAccessToken();
  expect(await rejection(manager.getAccessToken({ rejectedToken }))).toMatchObject(changed);
  expect(ownerOf(await manager.getAccessToken(narrow))).toBe('bob');
});

test('K1a: a storage that fails for a call of Alice brings her no token of Bob', async () => {
  const { manager, tokensOf, expire, storage, clock } = await alice();
  expire();
  const gate = deferred();
  storage.before = () => gate.promise;
  const call = rejection(manager.getAccessToken());
  await clock.advance(0);
  storage.before = () => undefined;
  await manager.setTokens(tokensOf('bob'));
  gate.reject(new Error('The disk has failed.'));
  expect(await call).toMatchObject(changed);
});

test('K1a: a token of Bob that has ended is not refreshed because of a call of Alice', async () => {
  const { manager, open, tokensOf, expire, posts } = await alice();
  await manager.getAccessToken();
  await open().setTokens(tokensOf('bob', { lifetime: 1_000 }));
  expire();
  expect(await rejection(manager.fetch(api, post))).toMatchObject(changed);
  expect(posts).toEqual([]);
});

test('K1a: the 401 of a POST is returned after the session of another library was taken over', async () => {
  const { manager, server, tokensOf, received } = await alice();
  server.expire();
  const held = server.hold({ on: 'api', commits: true, times: 1 });
  const call = manager.fetch(api, post);
  await held.arrived();
  await manager.signOut();
  let left: TokenResponse | undefined = tokensOf('bob');
  const remove = () => {
    left = undefined;
  };
  expect(await importSession(manager, { read: () => left, remove })).toEqual({ outcome: 'imported' });
  held();
  expect((await call).status).toBe(401);
  expect((await manager.fetch(api, post)).status).toBe(200);
  expect(received()).toEqual(['alice', 'bob']);
});

describe('K1c: the same user signs in again', () => {
  const openid = { server: { scope: ['openid', 'read', 'write'] } };

  test.each([
    ['here', (scene: Scene) => scene.manager],
    ['in another tab', (scene: Scene) => scene.open()],
  ])('%s: by the ID token: a call in progress is replayed with the new token', async (_, where) => {
    const scene = await alice(openid);
    scene.server.expire();
    const held = scene.server.hold({ on: 'api', commits: true, times: 1 });
    const call = scene.manager.fetch(api, post);
    await held.arrived();
    await where(scene).setTokens(scene.tokensOf('alice'));
    held();
    expect((await call).status).toBe(200);
    expect(scene.received()).toEqual(['alice', 'alice']);
    expect(scene.server.counts.refreshes).toBe(0);
  });

  test('by the subject that the application passes: waiting calls get the new token', async () => {
    const scene = await alice();
    const { manager, tokensOf, expire, server, received } = scene;
    await manager.setTokens(tokensOf('alice'), { subject: 'user 1' });
    expire();
    const held = server.hold({ commits: true, times: 1 });
    const call = manager.fetch(api, post);
    await held.arrived();
    await manager.setTokens(tokensOf('alice'), { subject: 'user 1' });
    held();
    expect((await call).status).toBe(200);
    expect(received()).toEqual(['alice']);
    expect(await manager.getTokens()).toMatchObject({ subject: 'user 1' });
  });

  test('without an ID token or subject it counts as another user', async () => {
    const scene = await alice();
    scene.expire();
    const held = scene.server.hold({ commits: true, times: 1 });
    const call = rejection(scene.manager.fetch(api, post));
    await held.arrived();
    await scene.manager.setTokens(scene.tokensOf('alice'));
    held();
    expect(await call).toMatchObject(changed);
  });

  test('the same subject of another issuer is another user', async () => {
    const scene = await alice(openid);
    const { manager, server, tokensOf, expire } = scene;
    expire();
    const held = server.hold({ commits: true, times: 1 });
    const call = rejection(manager.fetch(api, post));
    await held.arrived();
    await manager.setTokens(tokensOf('alice', { issuer: 'https://other.test' }));
    held();
    expect(await call).toMatchObject(changed);
  });
});

test.each([
  [{ subject: '' }, 'subject must be a non-empty string'],
  [{ subject: 7 }, 'subject must be a non-empty string'],
  [{ sub: 'alice' }, '{ subject }'],
  ['alice', '{ subject }'],
  [null, '{ subject }'],
  [{ subject: 'bob' }, 'not the sub of the ID token'],
])('setTokens() with %j names what is wrong', async (options, words) => {
  const { manager, tokensOf, events } = await alice({ server: { scope: ['openid', 'read'] } });
  const error: unknown = await rejection(manager.setTokens(tokensOf('alice'), options as never));
  expect(error).toBeInstanceOf(ConfigurationError);
  expect(error).toMatchObject({ message: expect.stringMatching(explained(words)) });
  expect(events).toEqual([]);
});

test('K1b: a refresh in another tab is adopted, under the same login', async () => {
  const { manager, open, events } = await alice({ server: { scope: ['openid', 'read'] } });
  const token = await manager.getAccessToken();
  const { login } = (await manager.getTokens()) ?? {};
  await open().getAccessToken({ rejectedToken: token });
  await manager.getAccessToken({ rejectedToken: token });
  expect(events).toMatchObject([{ type: 'adopted', login, subject: 'alice' }]);
});

test('each event says which login it is about', async () => {
  const { manager, server, events, expire } = await alice({ server: { scope: ['openid', 'read'] } });
  const { login } = (await manager.getTokens()) ?? {};
  expire();
  await manager.getAccessToken();
  expire();
  server.revokeFamily();
  await rejection(manager.getAccessToken());
  expect(events.map(({ type }) => type)).toEqual(['refreshed', 'sessionEnded']);
  for (const event of events) expect(event).toMatchObject({ login, subject: 'alice' });
});

test('the event for tokens discarded after a sign-out names the login of those tokens', async () => {
  const { manager, server, events, expire, clock } = await alice();
  const { login } = (await manager.getTokens()) ?? {};
  expire();
  const held = server.hold({ commits: true, times: 1 });
  const call = rejection(manager.getAccessToken());
  await held.arrived();
  const signedOut = manager.signOut();
  await clock.advance(0);
  held();
  await Promise.all([call, signedOut]);
  expect(events).toMatchObject([
    { type: 'signedOut', login },
    { type: 'lateTokensDiscarded', login },
  ]);
});

test('a record without the name of a login keeps working, and so does client credentials', async () => {
  const { manager, open, storage, server, expire } = await alice();
  const stored = await storage.inner.read(key);
  const { login: _, ...old } = (stored?.record ?? {}) as Record<string, unknown>;
  await storage.inner.write(key, old, stored?.version);
  const page = open();
  expect(await callApi(page)).toBe(200);
  expire();
  expect(await callApi(page)).toBe(200);
  server.expire();
  expect(await callApi(page)).toBe(200);
  expect(await page.getTokens()).toMatchObject({ login: undefined });
  await manager.close();
  const machine = open({
    storage: memoryStorage(),
    grant: clientCredentials({ scope: ['read'] }),
    clientAuthentication: clientSecretBasic('secret'),
  });
  await machine.close();
});
