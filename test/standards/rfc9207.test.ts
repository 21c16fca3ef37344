/** Which issuer a grant is from. */
import { memoryStorage, TokenManager } from 'tokenkeep';
import { testClock } from 'tokenkeep/testing';
import { expect, test } from 'vitest';
import { rejection } from '../support/promises.ts';
import { wire } from '../support/wire.ts';
import { as, client, granting, refresh } from './support/client.ts';

const evil = { issuer: 'https://evil.test', tokenEndpoint: 'https://evil.test/token' };

test('9207-02, 8252-05: the issuer is remembered with the grant, and compared before every refresh', async () => {
  const storage = memoryStorage();
  const net = wire({ [as.tokenEndpoint]: granting(), [evil.tokenEndpoint]: granting() });
  const clock = testClock();
  const manager = await client(net, { storage, clock });
  expect(await refresh(manager)).toBe('access-1');
  await manager.close();
  await clock.advance(400_000);
  const restarted = (authorizationServer: typeof evil) =>
    new TokenManager({
      clientId: 'app',
      // Which server it is turns out when it is needed.
      authorizationServer: async () => authorizationServer,
      protectedResources: ['https://api.test/'],
      fetch: net.fetch,
      storage,
      clock,
    });
  expect(await rejection(restarted(evil).getAccessToken())).toMatchObject({ code: 'ERR_LOGIN_REQUIRED' });
  expect(net.to(evil.tokenEndpoint)).toEqual([]);
  expect(await restarted(as).getAccessToken()).toBe('access-2');
});
