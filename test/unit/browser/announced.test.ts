/** Sign-outs that are heard farther than the storage reaches. */
import { memoryStorage, TokenManager } from 'tokenkeep';
import { announced } from 'tokenkeep/browser';
import { authorizationServer, register, storageConformance } from 'tokenkeep/testing';
import { describe, expect, test, vi } from 'vitest';

describe('keeps every law', () => {
  const options = { reopen: false, breakDown: false };
  register(
    test,
    storageConformance(() => ({ storage: announced(memoryStorage()) }), options),
  );
});

let count = 0;

/** Two managers, as in two tabs, each with a memory of its own. */
async function twoTabs() {
  const server = authorizationServer();
  const name = `application ${count++}`;
  const open = (session = 'default') =>
    new TokenManager({
      clientId: 'test-client',
      authorizationServer: server.metadata,
      protectedResources: ['https://api.test/'],
      storage: announced(memoryStorage(), { name }),
      session,
      fetch: server.fetch,
    });
  const [here, there, bystander] = [open(), open(), open('another session')];
  for (const manager of [here, there, bystander]) await manager.setTokens(server.signIn());
  return { server, here, there, bystander };
}

test('a sign-out in one tab ends the session in the others, without a request there', async () => {
  const { server, here, there, bystander } = await twoTabs();
  const signedOut = vi.fn();
  there.on('signedOut', signedOut);
  await here.signOut();
  await expect.poll(() => signedOut).toHaveBeenCalledOnce();
  expect(signedOut.mock.calls[0]?.[0]).toMatchObject({ where: 'elsewhere' });
  expect(await there.getTokens()).toBeUndefined();
  expect(await bystander.getTokens()).toBeDefined();
  expect(server.counts).toMatchObject({ tokenRequests: 0, revocations: 1 });
});

test('also from a tab that has no tokens any more', async () => {
  const { here, there } = await twoTabs();
  await here.signOut();
  await expect.poll(() => there.getTokens()).toBeUndefined();
  const { here: again, there: other } = await twoTabs();
  await again.close();
  await again.signOut();
  await expect.poll(() => other.getTokens()).toBeUndefined();
});

test('law only-the-server-ends-it: a grant that is dead in one tab is not the end of the grants of others', async () => {
  const { server, here, there } = await twoTabs();
  const tokens = await here.getTokens();
  server.revokeFamily(tokens?.refreshToken);
  await expect(here.getAccessToken({ rejectedToken: tokens?.accessToken ?? '' })).rejects.toMatchObject({
    reason: 'invalid_grant',
  });
  expect(await there.getTokens()).toBeDefined();
});

test('law no-token-in-words: what is said names the session, and no token', async () => {
  const { here } = await twoTabs();
  const channel = new BroadcastChannel(`tokenkeep.announced:application ${count - 1}`);
  const heard = new Promise((resolve) => {
    channel.onmessage = ({ data }) => resolve(data);
  });
  await here.signOut();
  expect(await heard).toEqual({ key: 'test-client/default', version: 'signed out' });
  channel.close();
});
