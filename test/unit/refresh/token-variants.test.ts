/** N33: access tokens for a scope or a resource are kept apart, and share one refresh token in turn. */
import { expect, test } from 'vitest';
import { openManager } from '../../support/open-manager.ts';
import { deferred, rejection } from '../../support/promises.ts';

const first = 'https://api.test/first';
const second = 'https://api.test/second';

test('N33: two resources at once: two token calls, one after the other, each caller gets its own', async () => {
  const { manager, server, posts } = await openManager();
  const [one, two] = await Promise.all([
    manager.getAccessToken({ resource: first }),
    manager.getAccessToken({ resource: second }),
  ]);
  expect(one).not.toBe(two);
  expect(server.counts).toMatchObject({ refreshes: 2, reuses: 0, peakConcurrentRefreshes: 1 });
  expect(new Set(posts).size).toBe(2);
  expect((await manager.fetch(first, { headers: { authorization: `Bearer ${one}` } })).status).toBe(200);
  expect((await manager.fetch(first, { headers: { authorization: `Bearer ${two}` } })).status).toBe(401);
});

test('N33: a variant is asked for once, whatever the order and number of its scopes', async () => {
  const { manager, server } = await openManager({ server: { scope: ['a', 'b', 'c'] } });
  const one = await manager.getAccessToken({ scope: ['a', 'b'] });
  expect(await manager.getAccessToken({ scope: ['b', 'a', 'a'] })).toBe(one);
  expect(server.counts.refreshes).toBe(1);
});

test('N33: a part of what a token is for is another variant', async () => {
  const { manager, server, tokens } = await openManager();
  const read = await manager.getAccessToken({ scope: ['read'] });
  const write = await manager.getAccessToken({ scope: ['write'] });
  expect(new Set([tokens.access_token, read, write, await manager.getAccessToken()]).size).toBe(3);
  expect(server.counts.refreshes).toBe(2);
});

test('N33: after a narrower token the next whole one is for the full scope again', async () => {
  const { manager, server, expire, record } = await openManager();
  await manager.getAccessToken({ scope: ['read'] });
  expire();
  const asked: (string | null)[] = [];
  server.fail(
    {},
    {
      when: ({ body }) => {
        asked.push(new URLSearchParams(new TextDecoder().decode(body)).get('scope'));
        return false;
      },
    },
  );
  await manager.getAccessToken();
  expect(asked).toEqual(['read write']);
  expect(await manager.getTokens()).toMatchObject({ scope: ['read', 'write'] });
  expire();
  await manager.getAccessToken();
  expect(asked).toEqual(['read write', null]);
  expect((await record())?.refreshToken).toBe(server.currentRefreshToken());
});

test('N33: the evidence of one variant does not count for another', async () => {
  const { manager, server, tokens } = await openManager();
  const read = await manager.getAccessToken({ scope: ['read'] });
  const other = await manager.getAccessToken({ scope: ['read'], rejectedToken: tokens.access_token });
  expect(other).toBe(read);
  expect(await manager.getAccessToken({ scope: ['read'], rejectedToken: read })).not.toBe(read);
  expect(await manager.getAccessToken()).toBe(tokens.access_token);
  expect(server.counts.refreshes).toBe(2);
});

test('N33: two variants and the whole grant, over at once: each is refreshed with the successor of the one before', async () => {
  const { manager, server, expire, record } = await openManager();
  const requests = [undefined, { scope: ['read'] }, { resource: first }];
  for (const request of requests) await manager.getAccessToken(request);
  expire();
  const before = server.counts.refreshes;
  const fresh = await Promise.all(
    [...requests, ...requests].map((request) => manager.getAccessToken(request)),
  );
  expect(new Set(fresh).size).toBe(3);
  expect(fresh.slice(3)).toEqual(fresh.slice(0, 3));
  expect(fresh.slice(0, 3)).toEqual(
    await Promise.all(requests.map((request) => manager.getAccessToken(request))),
  );
  const granted = Object.entries((await record())?.accessTokens ?? {}).map(([variant, { token }]) => [
    variant,
    token,
  ]);
  expect(Object.fromEntries(granted)).toEqual({
    '': fresh[0],
    'scope=read resource=': fresh[1],
    [`scope= resource=${first}`]: fresh[2],
  });
  expect(server.counts.refreshes - before).toBe(3);
  expect(server.counts).toMatchObject({ reuses: 0, peakConcurrentRefreshes: 1 });
  expect((await record())?.refreshToken).toBe(server.currentRefreshToken());
});

test('the end of the session ends all its variants, with one error', async () => {
  const { manager, server, expire, events } = await openManager();
  await manager.getAccessToken({ scope: ['read'] });
  expire();
  server.revokeFamily();
  const errors = await Promise.all([
    rejection(manager.getAccessToken()),
    rejection(manager.getAccessToken({ scope: ['read'] })),
    rejection(manager.getAccessToken({ resource: second })),
  ]);
  expect(new Set(errors).size).toBe(1);
  expect(events.filter(({ type }) => type === 'sessionEnded').length).toBe(1);
});

test('a sign-out ends all variants in memory', async () => {
  const { manager } = await openManager();
  await manager.getAccessToken({ scope: ['read'] });
  await manager.signOut();
  expect(await rejection(manager.getAccessToken({ scope: ['read'] }))).toMatchObject({
    reason: 'signed_out',
  });
});

test('a refresh of one variant keeps the stored tokens of the others', async () => {
  const { manager, storage, record, tokens } = await openManager();
  const gate = deferred();
  gate.resolve();
  storage.before = () => gate.promise;
  await manager.getAccessToken({ scope: ['read'] });
  expect(Object.keys((await record())?.accessTokens ?? {})).toEqual(['', 'scope=read resource=']);
  expect((await record())?.accessTokens['']?.token).toBe(tokens.access_token);
});
