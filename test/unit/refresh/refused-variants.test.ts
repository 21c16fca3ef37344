/** Access tokens for a scope or resource that the server refuses: the others, and the session, are not affected. */
import { expect, test } from 'vitest';
import { type OpenedManager, openManager } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';

const day = 86_400_000;

/** Calls for each scope every 30 s, and for the whole grant as well if `whole`. */
async function callOn(
  { manager, clock }: OpenedManager,
  scopes: readonly string[],
  whole: boolean,
): Promise<void> {
  for (const end = clock.now() + day; clock.now() < end; clock.set(clock.now() + 30_000)) {
    for (const scope of scopes) {
      expect(await rejection(manager.getAccessToken({ scope: [scope] }))).toMatchObject({
        error: 'invalid_scope',
      });
    }
    if (whole) await manager.getAccessToken();
  }
}

test.each([
  ['one', ['admin'], false, 40],
  ['two in turn', ['admin', 'audit'], false, 80],
  ['one, beside refreshes that succeed', ['admin'], true, 40 + day / 240_000],
  ['two, beside refreshes that succeed', ['admin', 'audit'], true, 80 + day / 240_000],
])(
  'law only-the-server-ends-it: %s, a whole day: few requests, and no session is stuck',
  async (_what, scopes, whole, most) => {
    const world = await openManager();
    await callOn(world, scopes, whole);
    console.info(`${world.server.counts.tokenRequests} token requests in a day`);
    expect(world.server.counts.tokenRequests).toBeLessThanOrEqual(most);
    expect(world.events.some(({ type }) => type === 'sessionStuck')).toBe(false);
    expect(await world.manager.getAccessToken()).toBe(world.server.currentAccessToken());
  },
);

test('law only-the-server-ends-it: a login clears what was remembered against a scope, and so does its success', async () => {
  const { manager, server, clock } = await openManager({ server: { scope: ['read', 'write', 'admin'] } });
  const heal = server.fail({ response: { status: 400, body: '{"error":"invalid_scope"}' } }, { times: 100 });
  const admin = () => manager.getAccessToken({ scope: ['admin'] });
  await rejection(admin());
  expect(await rejection(admin())).toMatchObject({ error: 'invalid_scope', failures: 1 });
  heal();
  await manager.setTokens(server.signIn());
  expect(await admin()).toBe(server.currentAccessToken());
  clock.set(clock.now() + 300_000);
  server.fail({ response: { status: 400, body: '{"error":"invalid_scope"}' } });
  expect(await rejection(admin())).toMatchObject({ failures: 1, retryAfter: 30_000 });
  clock.set(clock.now() + 30_000);
  await admin();
  clock.set(clock.now() + 300_000);
  server.fail({ response: { status: 400, body: '{"error":"invalid_scope"}' } });
  expect(await rejection(admin())).toMatchObject({ failures: 1, retryAfter: 30_000 });
});
