/** OpenID Connect Core, of which a token manager needs the refresh. */
import { faults } from 'tokenkeep/testing';
import { expect, test } from 'vitest';
import { scene } from '../support/scene.ts';

test('OIDC-02: a refresh without an ID token keeps the one of the login; one with it brings the new one', async () => {
  const { server, manager, call } = await scene({}, { scope: ['openid', 'read'] });
  const first = (await manager.getTokens())?.idToken;
  expect(first).toMatch(/^[\w-]+\.[\w-]+\.[\w-]*$/);
  server.fail(faults.without('id_token'));
  server.expire();
  await call();
  expect((await manager.getTokens())?.idToken).toBe(first);
  server.expire();
  await call();
  const third = (await manager.getTokens())?.idToken;
  expect(third).toMatch(/^[\w-]+\.[\w-]+\.[\w-]*$/);
  expect(third).not.toBe(first);
});
