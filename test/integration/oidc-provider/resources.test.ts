/** One refresh token, many access tokens (RFC 6749 §6, RFC 8707), at a certified authorization server: opaque ones and JWTs. */
import { memoryStorage, TokenManager } from 'tokenkeep';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { times } from '../../support/promises.ts';
import type { World } from './support/world.ts';
import { openWorld, status, wiring } from './support/world.ts';

const jwt = 'https://jwt.example/';
const opaque = 'https://opaque.example/';
let world: World;
beforeAll(async () => {
  world = await openWorld({
    resources: [
      { indicator: jwt, scope: 'read', format: 'jwt' },
      { indicator: opaque, scope: 'read write' },
    ],
  });
});
afterAll(() => world.close());

const places = () => [
  { url: `${world.api.url}jwt`, resource: jwt },
  { url: `${world.api.url}opaque`, resource: opaque, scope: ['read'] },
];

/** A user who has granted both resources, at an application that knows which of its places wants which token. */
async function signedIn() {
  const storage = memoryStorage();
  const protectedResources = places();
  const session = await world.signIn({ resource: [jwt, opaque] }, { storage, protectedResources });
  const get = async (path: string, manager = session.manager) =>
    status(await manager.fetch(`${world.api.url}${path}`));
  return {
    ...session,
    storage,
    get,
    /** Another manager of the same session, as in another process. */
    twin: () => new TokenManager({ ...wiring(world), storage, clock: session.clock, protectedResources }),
    tokens: async () => ({
      jwt: await session.manager.getAccessToken({ resource: jwt }),
      opaque: await session.manager.getAccessToken({ resource: opaque, scope: ['read'] }),
    }),
  };
}

test('8707-02: each place gets its own token, for its resource and scope, and the next call the same', async () => {
  const { get, tokens, family } = await signedIn();
  for (let round = 0; round < 3; round++) expect([await get('jwt'), await get('opaque')]).toEqual([200, 200]);
  const { jwt: one, opaque: other } = await tokens();
  expect(await world.server.validate(one)).toMatchObject({ aud: jwt, scope: 'read' });
  expect(await world.server.validate(other)).toMatchObject({ aud: opaque, scope: 'read' });
  expect(one.split('.')).toHaveLength(3);
  expect(other.split('.')).toHaveLength(1);
  expect(family).toMatchObject({ refreshes: 2, spent: 2, chain: 2, reuses: 0 });
});

test('8707-02: all at their end at once, in two managers: one refresh each, one after the other', async () => {
  const { get, twin, tokens, clock, family } = await signedIn();
  const other = twin();
  await tokens();
  clock.ahead += 301_000;
  const calls = times(10, () => [get('jwt'), get('opaque'), get('jwt', other), get('opaque', other)]).flat();
  expect(new Set(await Promise.all(calls))).toEqual(new Set([200]));
  expect(family).toMatchObject({ refreshes: 4, spent: 4, chain: 4, reuses: 0 });
  await other.close();
});

test('a 401 at one place gets that place another token, and leaves the others alone', async () => {
  const { get, tokens, family } = await signedIn();
  const before = await tokens();
  await world.server.endAccessToken(before.opaque);
  expect(await Promise.all(times(10, () => get('opaque')))).toEqual(times(10, () => 200));
  expect(await get('jwt')).toBe(200);
  const after = await tokens();
  expect(after.jwt).toBe(before.jwt);
  expect(after.opaque).not.toBe(before.opaque);
  expect(family).toMatchObject({ refreshes: 3, reuses: 0 });
});

test('6749-16: a token with more is no answer for one with less, nor the other way round', async () => {
  const { manager } = await signedIn();
  const { server } = world;
  const [less, more, whole] = [
    await manager.getAccessToken({ resource: opaque, scope: ['read'] }),
    await manager.getAccessToken({ resource: opaque, scope: ['read', 'write'] }),
    await manager.getAccessToken({ resource: opaque }),
  ];
  expect(new Set([less, more, whole]).size).toBe(3);
  expect((await server.validate(less)).scope).toBe('read');
  expect((await server.validate(more)).scope).toBe('read write');
  // The narrower ones have not narrowed the grant.
  expect((await server.validate(whole)).scope?.split(' ').sort()).toEqual(['read', 'write']);
});

test('8707-03: invalid_scope is about what was asked for: the session and its tokens live', async () => {
  const { manager, get, tokens, clock, family } = await signedIn();
  const before = await tokens();
  const refused = manager.getAccessToken({ resource: jwt, scope: ['never-granted'] });
  await expect(refused).rejects.toMatchObject({
    code: 'ERR_REFRESH_FAILED',
    error: 'invalid_scope',
    sent: false,
  });
  expect(await tokens()).toEqual(before);
  clock.ahead += 301_000;
  expect([await get('jwt'), await get('opaque')]).toEqual([200, 200]);
  expect(family).toMatchObject({ refreshes: 4, reuses: 0 });
});

test('8707-03: so is invalid_target', async () => {
  // This server rotates before it looks at the resource: then no client can go on. Without rotation nothing is lost.
  const lenient = await openWorld({
    rotation: false,
    resources: [{ indicator: jwt, scope: 'read', format: 'jwt' }],
  });
  const { manager, clock } = await lenient.signIn({ resource: [jwt] });
  const refused = manager.getAccessToken({ resource: 'https://unknown.example/' });
  await expect(refused).rejects.toMatchObject({
    code: 'ERR_REFRESH_FAILED',
    error: 'invalid_target',
    sent: false,
  });
  clock.ahead += 301_000;
  const token = await manager.getAccessToken({ resource: jwt });
  expect(await lenient.server.validate(token)).toMatchObject({ active: true, aud: jwt });
  await lenient.close();
});

test('they are stored with the session: after a restart nothing is asked for again', async () => {
  const { get, twin, tokens, family } = await signedIn();
  await tokens();
  const restarted = twin();
  expect([await get('jwt', restarted), await get('opaque', restarted)]).toEqual([200, 200]);
  expect(family.refreshes).toBe(2);
  await restarted.close();
});
