import { decodeProtectedHeader, exportSPKI, generateKeyPair, importSPKI, jwtVerify } from 'jose';
import {
  type AuthorizationServer,
  type ClientAuthentication,
  ConfigurationError,
  none,
  TokenManager,
  type TokenManagerOptions,
} from 'tokenkeep';
import { clientSecretJwt, privateKeyJwt } from 'tokenkeep/client-assertion';
import { clientSecretBasic, clientSecretPost, tlsClientAuth } from 'tokenkeep/client-authentication';
import { authorizationServer } from 'tokenkeep/testing';
import { describe, expect, test } from 'vitest';
import { explained } from '../../support/explained.ts';
import { optionsFor } from '../../support/open-manager.ts';

interface Sent {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string;
  readonly redirect: string;
}

/** The parameters of a refresh. */
async function refreshed(
  options: Partial<TokenManagerOptions> & { server?: AuthorizationServer } = {},
  request: Parameters<TokenManager['getAccessToken']>[0] = {},
): Promise<Sent & { manager: TokenManager; all: Sent[] }> {
  const all: Sent[] = [];
  const { server, ...rest } = options;
  const manager = new TokenManager({
    clientId: 'www',
    authorizationServer: server ?? { tokenEndpoint: 'https://localhost:8443/oauth/v2/oauth-token' },
    protectedResources: ['https://api.example.com/'],
    fetch: async (input, init) => {
      const sent = new Request(input, init);
      const { url, method, headers, redirect } = sent;
      all.push({ url, method, headers, redirect, body: await sent.text() });
      return Response.json({ access_token: `a${all.length}`, refresh_token: 'next', expires_in: 3600 });
    },
    ...rest,
  });
  const tokens = { accessToken: 'over', refreshToken: 'THE_REFRESH_TOKEN', expiresAt: Date.now() - 1 };
  await manager.setTokens({ ...tokens, scope: ['read', 'profile', 'write'] });
  await manager.getAccessToken(request);
  const [sent] = all;
  if (sent === undefined) throw new Error('Nothing was sent.');
  return { ...sent, manager, all };
}

const members = ({ body }: Sent) => Object.fromEntries(new URLSearchParams(body));
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

describe('the requests of the Curity documentation, as they stand there', () => {
  test('client_secret in the body', async () => {
    const sent = await refreshed({ clientAuthentication: clientSecretPost('Secr3t!') });
    expect([sent.method, sent.url]).toEqual(['POST', 'https://localhost:8443/oauth/v2/oauth-token']);
    expect(sent.headers.get('content-type')).toMatch(/^application\/x-www-form-urlencoded(;charset=UTF-8)?$/);
    expect(sent.headers.get('authorization')).toBeNull();
    const expected = new URLSearchParams(
      'grant_type=refresh_token&client_id=www&client_secret=Secr3t!&refresh_token=THE_REFRESH_TOKEN',
    );
    expect(members(sent)).toEqual(Object.fromEntries(expected));
  });

  test('Basic, and less scope than before', async () => {
    const sent = await refreshed(
      { clientId: 'Aladdin', clientAuthentication: clientSecretBasic('open sesame', { encoding: 'plain' }) },
      { scope: ['read', 'profile'] },
    );
    expect(sent.headers.get('authorization')).toBe('Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==');
    expect(sent.body).toContain('scope=read+profile');
    expect(members(sent)).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'THE_REFRESH_TOKEN',
      scope: 'read profile',
    });
  });

  test('without a secret: the client names itself (6749-06)', async () => {
    for (const clientAuthentication of [none(), undefined]) {
      const sent = await refreshed({ clientAuthentication });
      expect(members(sent)).toEqual({
        grant_type: 'refresh_token',
        refresh_token: 'THE_REFRESH_TOKEN',
        client_id: 'www',
      });
      expect(sent.headers.get('authorization')).toBeNull();
    }
  });
});

describe('the token request', () => {
  test('goes to the endpoint with its query, follows no redirect, and has nothing secret in its URL (6749-01, 6749-05, 21-02, 21-03)', async () => {
    const server = { tokenEndpoint: 'https://as.example.com/token?tenant=1&x=%20y' };
    const sent = await refreshed({ server, clientAuthentication: clientSecretPost('canary-secret') });
    expect([sent.url, sent.redirect]).toEqual([server.tokenEndpoint, 'manual']);
  });

  test('is JSON where the server takes no forms, as ReachFive', async () => {
    const server: AuthorizationServer = {
      tokenEndpoint: 'https://x.reach5.net/oauth/token',
      profile: { requestEncoding: 'json' },
    };
    const sent = await refreshed(
      { server, clientAuthentication: clientSecretPost('s3cret') },
      { resource: ['https://one.example/', 'https://two.example/'] },
    );
    expect(sent.headers.get('content-type')).toBe('application/json');
    expect(JSON.parse(sent.body)).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'THE_REFRESH_TOKEN',
      client_id: 'www',
      client_secret: 's3cret',
      resource: ['https://one.example/', 'https://two.example/'],
    });
  });

  test('carries the headers and parameters of the options, each parameter once (6749-02)', async () => {
    const sent = await refreshed(
      {
        tokenRequest: {
          headers: { 'X-Tenant': 'one', 'user-agent': 'me/1' },
          parameters: { audience: 'a b', empty: '' },
        },
        clientAuthentication: clientSecretPost('s3cret'),
      },
      { scope: ['read'] },
    );
    expect(sent.headers.get('x-tenant')).toBe('one');
    expect(sent.headers.get('user-agent')).toBe('me/1');
    const names = [...new URLSearchParams(sent.body).keys()].sort();
    expect(names).toEqual([...new Set(names)]);
    expect(members(sent)).toMatchObject({ audience: 'a b', scope: 'read', grant_type: 'refresh_token' });
  });

  test('has no scope when none is asked for', async () => {
    const sent = await refreshed();
    expect(new URLSearchParams(sent.body).has('scope')).toBe(false);
  });

  test('names several resources one by one (8707-01)', async () => {
    const sent = await refreshed({}, { resource: ['https://one.example/', 'urn:two'] });
    expect(new URLSearchParams(sent.body).getAll('resource')).toEqual(['https://one.example/', 'urn:two']);
  });

  test.each(['grant_type', 'refresh_token', 'scope', 'client_id', 'client_secret', 'resource', 'token'])(
    'cannot be given a second %s',
    (name) => {
      const build = () =>
        new TokenManager({
          clientId: 'www',
          authorizationServer: { tokenEndpoint: 'https://as.example.com/token' },
          protectedResources: ['https://api.example.com/'],
          tokenRequest: { parameters: { [name]: 'x' } },
        });
      expect(build).toThrow(ConfigurationError);
      expect(build).toThrow(explained(new RegExp(`tokenRequest must not set parameters\\.${name}`)));
    },
  );
});

describe('at most one method (6749-03)', () => {
  test.each<[string, ClientAuthentication, boolean, string[]]>([
    ['none', none(), false, ['client_id']],
    ['client_secret_basic', clientSecretBasic('s3cret'), true, []],
    ['client_secret_post', clientSecretPost('s3cret'), false, ['client_id', 'client_secret']],
    [
      'client_secret_jwt',
      clientSecretJwt('s3cret'),
      false,
      ['client_assertion', 'client_assertion_type', 'client_id'],
    ],
    ['tls_client_auth', tlsClientAuth(), false, ['client_id']],
  ])('%s', async (name, clientAuthentication, hasHeader, parameters) => {
    expect(clientAuthentication.method).toBe(name);
    const sent = await refreshed({ clientAuthentication });
    expect(sent.headers.has('authorization')).toBe(hasHeader);
    const own = Object.keys(members(sent)).filter((member) => member.startsWith('client_'));
    expect(own.sort()).toEqual(parameters);
  });
});

describe('Basic (6749-04)', () => {
  /** Ids and secrets, and how RFC 6749 Appendix B has them encoded before they are joined. */
  const credentials: [string, string, string][] = [
    ['plain', 's3cret', 'plain:s3cret'],
    ['my-app_1.x*', 'a-b_c.d*', 'my-app_1.x*:a-b_c.d*'],
    ['id:with:colons', '100%', 'id%3Awith%3Acolons:100%25'],
    ['https://client.example/', 'a b+c&d=e', 'https%3A%2F%2Fclient.example%2F:a+b%2Bc%26d%3De'],
    ['ünï', 'пароль', '%C3%BCn%C3%AF:%D0%BF%D0%B0%D1%80%D0%BE%D0%BB%D1%8C'],
    ["it's", '(~!)', 'it%27s:%28%7E%21%29'],
  ];

  test.each(credentials)('as the RFC says: %s and %s', async (clientId, secret, joined) => {
    const sent = await refreshed({ clientId, clientAuthentication: clientSecretBasic(secret) });
    expect(sent.headers.get('authorization')).toBe(basic(joined));
  });

  test.each(credentials)('plain, for servers that do not decode: %s and %s', async (clientId, secret) => {
    const clientAuthentication = clientSecretBasic(secret, { encoding: 'plain' });
    const sent = await refreshed({ clientId, clientAuthentication });
    expect(sent.headers.get('authorization')).toBe(basic(`${clientId}:${secret}`));
  });

  test('with client_id in the body, for servers that look for it there', async () => {
    const sent = await refreshed({ clientAuthentication: clientSecretBasic('s', { clientIdInBody: true }) });
    expect([sent.headers.get('authorization'), members(sent)['client_id']]).toEqual([basic('www:s'), 'www']);
    expect(members(sent)).not.toHaveProperty('client_secret');
  });

  test.each(credentials)('a strict server reads it: %s and %s', async (clientId, secret) => {
    const server = authorizationServer({
      clients: [{ clientId, clientSecret: secret, method: 'client_secret_basic' }],
    });
    const manager = new TokenManager({
      ...optionsFor(server),
      clientId,
      clientAuthentication: clientSecretBasic(secret),
    });
    await manager.setTokens(server.signIn());
    server.expire();
    expect((await manager.fetch(`${server.apiOrigin}/`)).status).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 1, secretsInUrl: 0 });
  });
});

describe('a signed assertion (7523-01, 7523-02, 7523-03)', () => {
  const server = { issuer: 'https://as.example.com', tokenEndpoint: 'https://as.example.com/token' };

  async function twice(clientAuthentication: ClientAuthentication) {
    const { manager, all } = await refreshed({ server, clientAuthentication });
    await manager.getAccessToken({ rejectedToken: 'a1' });
    return all.map((sent) => members(sent));
  }

  test.each(['RS256', 'ES256', 'EdDSA'])(
    'by a private key: %s, a new one for every request',
    async (algorithm) => {
      const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
      const key = await importSPKI(await exportSPKI(publicKey), algorithm);
      const sent = await twice(privateKeyJwt({ key: privateKey, kid: 'key-1' }));
      const claims = await Promise.all(
        sent.map(async ({ client_assertion: assertion = '', client_assertion_type: type }) => {
          expect(type).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
          expect(decodeProtectedHeader(assertion).kid).toBe('key-1');
          return (await jwtVerify(assertion, key, { audience: server.issuer, issuer: 'www', subject: 'www' }))
            .payload;
        }),
      );
      expect(claims).toHaveLength(2);
      expect(new Set(claims.map(({ jti }) => jti)).size).toBe(2);
      for (const { exp = 0, iat = 0 } of claims) expect(exp - iat).toBeLessThanOrEqual(300);
    },
  );

  test('by the secret', async () => {
    const secret = 'a secret of thirty-two bytes, ok';
    const [first] = await twice(clientSecretJwt(secret));
    const { payload } = await jwtVerify(first?.['client_assertion'] ?? '', new TextEncoder().encode(secret));
    expect(payload).toMatchObject({ iss: 'www', sub: 'www', aud: server.issuer });
  });
});

describe('mutual TLS (8705-01, 8705-03)', () => {
  const server: AuthorizationServer = {
    tokenEndpoint: 'https://as.example.com/token',
    mtlsEndpointAliases: { tokenEndpoint: 'https://mtls.as.example.com/token' },
  };

  test('requests go to the alias', async () => {
    expect((await refreshed({ server, clientAuthentication: tlsClientAuth() })).url).toBe(
      'https://mtls.as.example.com/token',
    );
  });

  test('an alias that is undefined is ignored', async () => {
    const open = { ...server, mtlsEndpointAliases: { tokenEndpoint: undefined } };
    expect((await refreshed({ server: open, clientAuthentication: tlsClientAuth() })).url).toBe(
      'https://as.example.com/token',
    );
  });

  test('of other methods they do not', async () => {
    expect((await refreshed({ server })).url).toBe('https://as.example.com/token');
  });
});

describe('a method of the caller', () => {
  test('may wait, add parameters and headers, and is asked for every request', async () => {
    let asked = 0;
    const mine: ClientAuthentication = {
      method: 'mine',
      async authenticate({ clientId, parameters, headers }) {
        await Promise.resolve();
        asked += 1;
        parameters.set('client_id', clientId);
        parameters.set('proof', String(asked));
        headers.set('x-proof', String(asked));
      },
    };
    const sent = await refreshed({ clientAuthentication: mine });
    expect([members(sent)['proof'], sent.headers.get('x-proof')]).toEqual(['1', '1']);
  });

  test('that fails costs nothing: the refresh token was not sent, and the next try works', async () => {
    let fails = true;
    const mine: ClientAuthentication = {
      method: 'mine',
      authenticate() {
        if (fails) throw new Error('the key is locked');
      },
    };
    const sent: string[] = [];
    const manager = new TokenManager({
      clientId: 'www',
      clientAuthentication: mine,
      authorizationServer: { tokenEndpoint: 'https://as.example.com/token' },
      protectedResources: ['https://api.example.com/'],
      clock: { now: () => (fails ? 0 : 3_600_000) },
      fetch: async (_input, init) => {
        sent.push(String(init?.body));
        return Response.json({ access_token: 'new', expires_in: 3600 });
      },
    });
    await manager.setTokens({ accessToken: 'over', refreshToken: 'r', expiresAt: -1 });
    await expect(manager.getAccessToken()).rejects.toMatchObject({
      code: 'ERR_REFRESH_FAILED',
      sent: false,
      cause: { message: 'the key is locked' },
    });
    expect(sent).toEqual([]);
    fails = false;
    expect(await manager.getAccessToken()).toBe('new');
  });
});

test.each([
  ['clientSecretBasic', clientSecretBasic],
  ['clientSecretPost', clientSecretPost],
  ['clientSecretJwt', clientSecretJwt],
])('%s refuses an empty secret, by its name', (name, make) => {
  for (const secret of ['', undefined, 5]) {
    expect(() => make(secret as string)).toThrow(ConfigurationError);
    expect(() => make(secret as string)).toThrow(name);
  }
});
