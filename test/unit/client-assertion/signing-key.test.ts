/** Keys as their owners have them: every kind, as a text, with what a server gets from each. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { decodeProtectedHeader, exportJWK, importJWK, jwtVerify } from 'jose';
import { TokenManager } from 'tokenkeep';
import { type ClientKey, privateKeyJwt, type SigningAlgorithm } from 'tokenkeep/client-assertion';
import { describe, expect, test, vi } from 'vitest';
import { explained } from '../../support/explained.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const curve = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
const ed25519 = generateKeyPairSync('ed25519');
const pairs = {
  RS256: rsa,
  RS384: rsa,
  RS512: rsa,
  PS256: rsa,
  PS384: rsa,
  PS512: rsa,
  ES256: curve('P-256'),
  ES384: curve('P-384'),
  ES512: curve('P-521'),
  Ed25519: ed25519,
  EdDSA: ed25519,
} as const;
const pemOf = (key: KeyObject) => key.export({ format: 'pem', type: 'pkcs8' }) as string;
const es256 = pemOf(pairs.ES256.privateKey);
const entries = Object.entries(pairs) as [
  SigningAlgorithm,
  { privateKey: KeyObject; publicKey: KeyObject },
][];

/** The assertions that so many requests at once hold. */
async function assertions(key: Parameters<typeof privateKeyJwt>[0], count = 1): Promise<string[]> {
  const method = privateKeyJwt(key);
  const authorizationServer = { issuer: 'https://as.test', tokenEndpoint: 'https://as.test/token' };
  const requests = Array.from({ length: count }, async () => {
    const parameters = new URLSearchParams();
    await method.authenticate({ clientId: 'app', authorizationServer, parameters, headers: new Headers() });
    return parameters.get('client_assertion') ?? '';
  });
  return await Promise.all(requests);
}

describe('a PEM', () => {
  test.each(entries)('for %s', async (algorithm, { privateKey, publicKey }) => {
    const [assertion = ''] = await assertions({ key: pemOf(privateKey), algorithm, kid: 'mine' });
    expect(decodeProtectedHeader(assertion)).toMatchObject({ alg: algorithm, kid: 'mine' });
    const key = await importJWK({ ...(await exportJWK(publicKey)), alg: algorithm });
    expect((await jwtVerify(assertion, key)).payload).toMatchObject({ iss: 'app', sub: 'app' });
  });

  test.each([
    ['RS256', rsa],
    ['ES256', pairs.ES256],
    ['ES384', pairs.ES384],
    ['ES512', pairs.ES512],
    ['Ed25519', pairs.Ed25519],
  ] as const)('that is not said to be for anything is for %s', async (algorithm, { privateKey }) => {
    const [assertion = ''] = await assertions(pemOf(privateKey));
    expect(decodeProtectedHeader(assertion)).toEqual({ alg: algorithm });
  });

  test.each([
    ['with line ends of Windows', es256.replaceAll('\n', '\r\n')],
    ['with line ends as in environment variables', es256.replaceAll('\n', '\\n')],
    ['on one line', es256.replaceAll('\n', ' ')],
    ['within other text', `my key:\n${es256}\nthat was it`],
  ])('%s', async (_name, pem) => {
    expect(decodeProtectedHeader((await assertions(pem))[0] ?? '')).toEqual({ alg: 'ES256' });
  });

  test('is read once, and cannot be exported from where it is then', async () => {
    const importKey = vi.spyOn(crypto.subtle, 'importKey');
    const [one, two] = await assertions(es256, 2);
    expect(one).not.toBe(two);
    expect(importKey.mock.calls).toHaveLength(1);
    expect(importKey.mock.calls[0]?.slice(3)).toEqual([false, ['sign']]);
  });
});

describe('an invalid key', () => {
  const pkcs1 = rsa.privateKey.export({ format: 'pem', type: 'pkcs1' }) as string;
  const sec1 = pairs.ES256.privateKey.export({ format: 'pem', type: 'sec1' }) as string;
  const locked = pairs.ES256.privateKey.export({
    format: 'pem',
    type: 'pkcs8',
    cipher: 'aes-256-cbc',
    passphrase: 'x',
  }) as string;
  const published = rsa.publicKey.export({ format: 'pem', type: 'spki' }) as string;

  test.each([
    ['of OpenSSL, for RSA', pkcs1, 'This is a RSA PRIVATE KEY. Convert it: openssl pkcs8'],
    ['of OpenSSL, for EC', sec1, 'This is a EC PRIVATE KEY. Convert it: openssl pkcs8'],
    ['encrypted', locked, 'This is a ENCRYPTED PRIVATE KEY. Convert it: openssl pkcs8'],
    ['public', published, 'This is a PUBLIC KEY.'],
    ['cut off', es256.slice(0, 80), 'This is not a private key.'],
    ['of something else', 'canary-canary', 'This is not a private key.'],
    [
      'not base64',
      '-----BEGIN PRIVATE KEY-----\nAAAAA\n-----END PRIVATE KEY-----',
      'This is not a private key.',
    ],
    ['empty', '', 'This is not a private key.'],
  ])('a PEM that is %s is refused at once, in words that quote nothing of it', (_name, pem, told) => {
    const make = () => privateKeyJwt(pem);
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_CONFIGURATION' }));
    expect(make).toThrow(explained(told));
    expect(make).not.toThrow(/canary/);
    expect(make).not.toThrow(pem.split('\n')[1] || 'nothing');
  });

  test.each([
    ['undefined', undefined],
    ['null', null],
    ['an object', {}],
    ['a key of Node', pairs.ES256.privateKey],
    ['null as key', { key: null }],
  ])('%s is refused at once', (_name, key) => {
    expect(() => privateKeyJwt(key as unknown as ClientKey)).toThrow(
      expect.objectContaining({
        code: 'ERR_CONFIGURATION',
        message: expect.stringMatching(explained(/CryptoKey.+PEM/)),
      }),
    );
  });

  test('an algorithm that there is not is refused at once', () => {
    const algorithm = 'none' as SigningAlgorithm;
    expect(() => privateKeyJwt({ key: es256, algorithm })).toThrow(
      explained(/algorithm must be one of ES256/),
    );
  });

  test('a public key, or one that may not sign, is refused at once', async () => {
    const ecdsa = { name: 'ECDSA', namedCurve: 'P-256' };
    const { publicKey } = await crypto.subtle.generateKey(ecdsa, false, ['sign', 'verify']);
    const derives = await crypto.subtle.generateKey({ ...ecdsa, name: 'ECDH' }, false, ['deriveBits']);
    for (const key of [publicKey, derives.privateKey]) {
      expect(() => privateKeyJwt(key)).toThrow(explained(/usage 'sign'/));
    }
  });

  test.each([
    ['RSA that is said to be ES256', { key: pemOf(rsa.privateKey), algorithm: 'ES256' }],
    ['nothing that can sign', pemOf(generateKeyPairSync('x25519').privateKey)],
    ['noise', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----'],
  ] as const)(
    'a PEM with %s is a ConfigurationError when it is needed: nothing is sent, the session is kept',
    async (_name, key) => {
      const sent: unknown[] = [];
      const manager = new TokenManager({
        clientId: 'app',
        authorizationServer: { tokenEndpoint: 'https://as.test/token' },
        clientAuthentication: privateKeyJwt(key),
        protectedResources: ['https://api.test/'],
        fetch: async (input) => {
          sent.push(input);
          return new Response();
        },
      });
      await manager.setTokens({ accessToken: 'over', refreshToken: 'r', expiresAt: 0 });
      await expect(manager.getAccessToken()).rejects.toMatchObject({
        code: 'ERR_CONFIGURATION',
        message: expect.stringMatching(explained(/^privateKeyJwt\(key\): the PEM contains no key for /)),
      });
      expect(sent).toEqual([]);
      expect((await manager.getTokens())?.refreshToken).toBe('r');
    },
  );
});
