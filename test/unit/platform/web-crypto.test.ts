/** Features that work with only a part of Web Crypto: a page without https has no `subtle`, React Native has no Web Crypto. */
import { inspect, TokenManager, type TokenManagerOptions } from 'tokenkeep';
import { dpop } from 'tokenkeep/dpop';
import { startLogin } from 'tokenkeep/login';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { explained } from '../../support/explained.ts';
import { rejection } from '../../support/promises.ts';

afterEach(() => vi.unstubAllGlobals());

const real = globalThis.crypto;
const onlyRandom = { getRandomValues: real.getRandomValues.bind(real) };
const expired = { accessToken: 'expired', refreshToken: 'refresh', expiresAt: 1 };
const server = {
  tokenEndpoint: 'https://as.example.com/token',
  authorizationEndpoint: 'https://as.example.com/authorize',
};

function managerWith(options: Partial<TokenManagerOptions> = {}) {
  const sent: string[] = [];
  const manager = new TokenManager({
    clientId: 'app',
    authorizationServer: server,
    protectedResources: ['https://api.example.com/'],
    fetch: async (input) => {
      sent.push(String(input));
      return Response.json({ access_token: 'next', refresh_token: 'successor', expires_in: 60 });
    },
    ...options,
  });
  return { manager, sent };
}

describe('with random numbers only', () => {
  test('sessions begin, refresh, send forms and end', async () => {
    vi.stubGlobal('crypto', onlyRandom);
    const { manager, sent } = managerWith();
    await manager.setTokens(expired);
    const form = new FormData();
    form.append('name', 'value');
    await manager.fetch('https://api.example.com/orders', { method: 'POST', body: form });
    expect(sent).toEqual([server.tokenEndpoint, 'https://api.example.com/orders']);
    expect((await manager.getTokens())?.refreshToken).toBe('successor');
    await manager.signOut();
    expect(await manager.getTokens()).toBeUndefined();
  });

  const users: [string, () => Promise<unknown>][] = [
    [
      'inspect()',
      async () => {
        const { manager } = managerWith();
        await manager.setTokens(expired);
        return await inspect(manager);
      },
    ],
    [
      'A login with PKCE',
      () =>
        startLogin({
          clientId: 'app',
          authorizationServer: server,
          redirectUri: 'https://app.example.com/cb',
          pending: new Map(),
        }),
    ],
    ['dpop()', () => Promise.resolve(dpop().generate())],
  ];

  test.each(users)('%s is refused where it is used, with the remedy on React Native', async (name, use) => {
    vi.stubGlobal('crypto', onlyRandom);
    const { code, message } = await rejection(use());
    expect(code).toBe('ERR_CONFIGURATION');
    expect(message).toContain(name);
    expect(message).toMatch(explained(`${name} needs \`crypto.subtle\``));
    expect(message).toMatch(explained('react-native-quick-crypto'));
  });

  test.each(users)('%s is refused with the remedy for a page without https', async (name, use) => {
    vi.stubGlobal('crypto', onlyRandom);
    vi.stubGlobal('isSecureContext', false);
    const { code, message } = await rejection(use());
    expect(code).toBe('ERR_CONFIGURATION');
    expect(message).toContain(name);
    expect(message).toMatch(explained('Serve it over https'));
    expect(message).not.toContain('React Native');
  });
});

test.each([undefined, {}])(
  'with crypto %j a manager cannot be made, and the error names the remedies',
  (crypto) => {
    vi.stubGlobal('crypto', crypto);
    expect(() => managerWith()).toThrow(
      expect.objectContaining({
        code: 'ERR_CONFIGURATION',
        message: expect.stringMatching(
          explained(/crypto\.getRandomValues.*react-native-get-random-values.*expo-crypto/s),
        ),
      }),
    );
  },
);

test('a timeout has its name without DOMException', async () => {
  vi.stubGlobal('DOMException', undefined);
  const { manager } = managerWith({ timeout: 1, fetch: () => new Promise(() => undefined) });
  await manager.setTokens(expired);
  const { code, cause } = await rejection(manager.getAccessToken());
  expect(code).toBe('ERR_REFRESH_FAILED');
  expect(cause).toMatchObject({ name: 'TimeoutError' });
});
