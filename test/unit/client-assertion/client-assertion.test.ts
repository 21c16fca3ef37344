import { inspect } from 'node:util';
import { TokenManager } from 'tokenkeep';
import { clientSecretJwt } from 'tokenkeep/client-assertion';
import { expect, test } from 'vitest';

const secret = 'canary-secret-of-at-least-32-bytes';
const shown = (value: unknown) => inspect(value, { depth: null, showHidden: true }) + JSON.stringify(value);

test('a client secret is not visible in the method that signs with it', () => {
  expect(shown(clientSecretJwt(secret))).not.toContain('canary');
});

test('an error contains no assertion, also if the transport quotes the request', async () => {
  const assertions: string[] = [];
  const manager = new TokenManager({
    clientId: 'app',
    clientAuthentication: clientSecretJwt(secret),
    authorizationServer: { tokenEndpoint: 'https://as.example.com/token' },
    protectedResources: ['https://api.example.com/'],
    fetch: async (_input, init) => {
      const body = String(init?.body);
      assertions.push(new URLSearchParams(body).get('client_assertion') ?? '');
      throw new TypeError(`fetch failed: ${body}`);
    },
  });
  await manager.setTokens({ accessToken: 'over', refreshToken: 'refresh', expiresAt: 0 });
  const error: unknown = await manager.getAccessToken().catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'ERR_REFRESH_FAILED' });
  expect(assertions).toEqual([expect.stringMatching(/^ey.+\..+\..+$/)]);
  expect(shown(error)).not.toContain(assertions[0]);
});
