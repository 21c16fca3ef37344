import * as oauth from 'oauth4webapi';
import { none } from 'tokenkeep';
import { clientSecretBasic, clientSecretPost, tlsClientAuth } from 'tokenkeep/client-authentication';
import { describe, expect, test } from 'vitest';
import type {
  AuthorizationServer,
  ClientAuthentication,
} from '../../../src/core/oauth/authorization-server.ts';
import type { BuiltRequest } from '../../../src/core/oauth/grant.ts';
import {
  clientCredentialsRequest,
  deviceRequest,
  grantRequest,
  refreshRequest,
  revokeRequest,
} from '../../../src/token-endpoint/token-request.ts';

const server = {
  issuer: 'https://as.example.com',
  tokenEndpoint: 'https://AS.example.com/token?tenant=a b',
  revocationEndpoint: 'https://as.example.com/revoke',
} satisfies AuthorizationServer;
const clientId = 'my app*-._~äö';
const secret = "s3cr+t/&=%:'()!";
const headers = { 'X-Tenant': 'one', 'user-agent': 'app/1' };
const parameters = { audience: 'https://api.example.com/ü', custom: "a b+c&d=e*f~g'h" };
const scope = ['openid', 'read:all'];
const resource = ['https://api.example.com/a', 'urn:example:b'];

interface Sent {
  readonly url: string;
  readonly body: string;
  readonly headers: Record<string, string>;
}

/** The request of oauth4webapi, to compare each byte. */
async function sentBy(
  make: (
    metadata: oauth.AuthorizationServer,
    client: oauth.Client,
    options: { [oauth.customFetch]: typeof fetch; headers: Record<string, string> },
  ) => Promise<Response>,
): Promise<Sent> {
  let sent: Sent | undefined;
  const metadata = {
    issuer: server.issuer,
    token_endpoint: server.tokenEndpoint,
    revocation_endpoint: server.revocationEndpoint,
    device_authorization_endpoint: 'https://as.example.com/device',
  };
  await make(
    metadata,
    { client_id: clientId },
    {
      headers,
      [oauth.customFetch]: async (url, init) => {
        const body = String(init?.body);
        sent = { url: String(url), body, headers: init?.headers as Record<string, string> };
        return new Response();
      },
    },
  );
  if (sent === undefined) throw new Error('oauth4webapi has sent nothing.');
  return sent;
}

function sentByUs({ url, init }: BuiltRequest): Sent {
  expect(init.method).toBe('POST');
  expect(init.redirect).toBe('manual');
  return { url, body: String(init.body), headers: Object.fromEntries(init.headers as Headers) };
}

const methods: [string, ClientAuthentication, oauth.ClientAuth][] = [
  ['none', none(), oauth.None()],
  ['client_secret_post', clientSecretPost(secret), oauth.ClientSecretPost(secret)],
  ['tls_client_auth', tlsClientAuth(), oauth.TlsClientAuth()],
  // Its encoding of the credentials differs, see clientSecretBasic(): the same method makes both.
  [
    'client_secret_basic',
    clientSecretBasic(secret),
    (_server, _client, body, sent) =>
      clientSecretBasic(secret).authenticate({
        clientId,
        authorizationServer: server,
        parameters: body,
        headers: sent,
      }),
  ],
];

describe.each(methods)('a request with %s has the bytes that oauth4webapi would send', (_, ours, theirs) => {
  const client = { clientId, clientAuthentication: ours, headers, parameters };
  const extras = () => {
    const all = new URLSearchParams({ ...parameters, scope: scope.join(' ') });
    for (const one of resource) all.append('resource', one);
    return all;
  };

  test('refresh', async () => {
    const built = await refreshRequest(client, server, { refreshToken: 'r+/= %', scope, resource });
    const expected = await sentBy((metadata, id, options) =>
      oauth.refreshTokenGrantRequest(metadata, id, theirs, 'r+/= %', {
        ...options,
        additionalParameters: extras(),
      }),
    );
    expect(sentByUs(built)).toEqual(expected);
  });

  test('client credentials', async () => {
    const built = await clientCredentialsRequest(client, server, { refreshToken: '', scope, resource });
    const expected = await sentBy((metadata, id, options) =>
      oauth.clientCredentialsGrantRequest(metadata, id, theirs, extras(), options),
    );
    expect(sentByUs(built)).toEqual(expected);
  });

  test('a code', async () => {
    const own = { code: 'c+d', redirect_uri: 'com.example.app:/cb', code_verifier: 'v~-._' };
    const built = await grantRequest(client, server, 'authorization_code', own);
    const all = { ...parameters, ...own };
    const expected = await sentBy((metadata, id, options) =>
      oauth.genericTokenEndpointRequest(metadata, id, theirs, 'authorization_code', all, options),
    );
    expect(sentByUs(built)).toEqual(expected);
  });

  test('revocation', async () => {
    const built = await revokeRequest(client, server, 't+/= %', 'refresh_token');
    const expected = await sentBy((metadata, id, options) =>
      oauth.revocationRequest(metadata, id, theirs, 't+/= %', {
        ...options,
        additionalParameters: { token_type_hint: 'refresh_token' },
      }),
    );
    expect(sentByUs(built)).toEqual(expected);
  });

  test('a device', async () => {
    const asked = new URLSearchParams({ scope: 'openid read:all' });
    const built = await deviceRequest(client, server, 'https://as.example.com/device', asked);
    const expected = await sentBy((metadata, id, options) =>
      oauth.deviceAuthorizationRequest(metadata, id, theirs, asked, options),
    );
    expect(sentByUs(built)).toEqual(expected);
  });
});

describe('secrets of a request', () => {
  test('hold the password of Basic as it is and as it was encoded, whatever its bytes are', async () => {
    const latin1 = (authorization: string): ClientAuthentication => ({
      method: 'own',
      authenticate: (request) => request.headers.set('authorization', authorization),
    });
    const asked = { refreshToken: 'r', scope: undefined, resource: undefined };
    const secretsFor = async (clientAuthentication: ClientAuthentication) => {
      const client = { clientId: 'app', clientAuthentication, headers: {}, parameters: {} };
      return (await refreshRequest(client, server, asked)).secrets;
    };
    expect(await secretsFor(clientSecretBasic('pässword 1%'))).toEqual(
      expect.arrayContaining(['pässword 1%', 'p%C3%A4ssword+1%25']),
    );
    expect(await secretsFor(clientSecretBasic('pässword 1%', { encoding: 'plain' }))).toContain(
      'pässword 1%',
    );
    expect(await secretsFor(latin1(`Basic ${btoa('app:pässword')}`))).toContain('pässword');
    expect(await secretsFor(latin1('Basic ***'))).toContain('***');
  });
});
