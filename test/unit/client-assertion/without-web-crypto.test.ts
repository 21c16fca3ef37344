/** Assertions are signed with Web Crypto: a page without https has no `subtle`. */
import type { ClientAuthentication } from 'tokenkeep';
import { clientSecretJwt, privateKeyJwt } from 'tokenkeep/client-assertion';
import { afterEach, expect, test, vi } from 'vitest';
import { explained } from '../../support/explained.ts';
import { rejection } from '../../support/promises.ts';

afterEach(() => vi.unstubAllGlobals());

const real = globalThis.crypto;
const onlyRandom = { getRandomValues: real.getRandomValues.bind(real) };
const pem = `-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----`;
const methods = [clientSecretJwt('a secret of the client'), privateKeyJwt(pem)];

test.each(methods)('$method is refused where it is used, with the remedy on React Native', async (method) => {
  vi.stubGlobal('crypto', onlyRandom);
  const { code, message } = await rejection(authenticate(method));
  expect(code).toBe('ERR_CONFIGURATION');
  expect(message).toMatch(explained(`${method.method} needs \`crypto.subtle\``));
  expect(message).toMatch(explained('react-native-quick-crypto'));
});

test.each(methods)('$method is refused with the remedy for a page without https', async (method) => {
  vi.stubGlobal('crypto', onlyRandom);
  vi.stubGlobal('isSecureContext', false);
  const { code, message } = await rejection(authenticate(method));
  expect(code).toBe('ERR_CONFIGURATION');
  expect(message).toContain(method.method);
  expect(message).toMatch(explained('Serve it over https'));
  expect(message).not.toContain('React Native');
});

async function authenticate(method: ClientAuthentication): Promise<void> {
  await method.authenticate({
    clientId: 'app',
    authorizationServer: { tokenEndpoint: 'https://as.example.com/token' },
    parameters: new URLSearchParams(),
    headers: new Headers(),
  });
}
