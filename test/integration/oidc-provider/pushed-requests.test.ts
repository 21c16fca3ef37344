/**
 * Logins at a certified server that takes their parameters from clients only (RFC 9126), over TLS: with every client
 * authentication, and with nonces for DPoP.
 */
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { type ClientAuthentication, discover, none } from 'tokenkeep';
import { clientSecretJwt, privateKeyJwt } from 'tokenkeep/client-assertion';
import { clientSecretBasic, clientSecretPost, tlsClientAuth } from 'tokenkeep/client-authentication';
import { dpop } from 'tokenkeep/dpop';
import { completeLogin, loopbackLogin, startLogin } from 'tokenkeep/login';
import { Agent, getGlobalDispatcher, setGlobalDispatcher } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  authority,
  browse,
  type Certificate,
  type CertifiedServer,
  selfSigned,
  startCertifiedServer,
} from '../../support/certified-server/index.ts';
import { rejection } from '../../support/promises.ts';

const trusted = authority();
const tls = { ...trusted.issue('/CN=server'), ca: trusted.cert };
const certificates = {
  mine: trusted.issue('/CN=my backend'),
  other: trusted.issue('/CN=another backend'),
  self: selfSigned('/CN=my own'),
};
const secret = 'a secret: 100%/+&=~ of thirty-two bytes';
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const otherKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const pem = (key: typeof privateKey) => key.export({ format: 'pem', type: 'pkcs8' }) as string;
const jwk = (key: typeof publicKey, more: object) => ({
  ...key.export({ format: 'jwk' }),
  use: 'sig',
  ...more,
});
const x509 = new X509Certificate(certificates.self.cert);

interface Client {
  readonly name: string;
  readonly metadata: object;
  readonly right: ClientAuthentication;
  /** `undefined`: a public client, of which there is no wrong one. */
  readonly wrong?: ClientAuthentication;
  readonly certificate?: Certificate;
  readonly wrongCertificate?: Certificate;
}

const bySecret = (method: string) => ({ token_endpoint_auth_method: method, client_secret: secret });
const clients: readonly Client[] = [
  { name: 'none', metadata: { token_endpoint_auth_method: 'none' }, right: none() },
  {
    name: 'client_secret_basic',
    metadata: bySecret('client_secret_basic'),
    right: clientSecretBasic(secret),
    wrong: clientSecretBasic('wrong'),
  },
  {
    name: 'client_secret_post',
    metadata: bySecret('client_secret_post'),
    right: clientSecretPost(secret),
    wrong: clientSecretPost('wrong'),
  },
  {
    name: 'client_secret_jwt',
    metadata: bySecret('client_secret_jwt'),
    right: clientSecretJwt(secret),
    wrong: clientSecretJwt(`${secret}!`),
  },
  {
    name: 'private_key_jwt',
    metadata: {
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [jwk(publicKey, { kid: 'ec', alg: 'ES256' })] },
    },
    right: privateKeyJwt({ key: pem(privateKey), kid: 'ec' }),
    wrong: privateKeyJwt({ key: pem(otherKey), kid: 'ec' }),
  },
  {
    name: 'tls_client_auth',
    metadata: { token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: 'CN=my backend' },
    right: tlsClientAuth(),
    wrong: tlsClientAuth(),
    certificate: certificates.mine,
    wrongCertificate: certificates.other,
  },
  {
    name: 'self_signed_tls_client_auth',
    metadata: {
      token_endpoint_auth_method: 'self_signed_tls_client_auth',
      jwks: { keys: [jwk(x509.publicKey, { x5c: [x509.raw.toString('base64')] })] },
    },
    right: tlsClientAuth(),
    wrong: tlsClientAuth(),
    certificate: certificates.self,
    wrongCertificate: certificates.other,
  },
];

const agents: Agent[] = [];
function presenting(certificate: Certificate | undefined): typeof fetch {
  const dispatcher = new Agent({ connect: { ...certificate, ca: trusted.cert } });
  agents.push(dispatcher);
  return (input, init) => fetch(input, { ...init, dispatcher } as RequestInit);
}

const platform = getGlobalDispatcher();
const scope = ['openid', 'offline_access'];
const request = { scope, prompt: 'consent', parameters: { login_hint: 'grace' } };
const bound = { client_id: 'bound', token_endpoint_auth_method: 'none', dpop_bound_access_tokens: true };
let server: CertifiedServer;
beforeAll(async () => {
  setGlobalDispatcher(new Agent({ connect: { ca: trusted.cert } })); // for the user
  server = await startCertifiedServer({
    tls,
    requiresPushedRequests: true,
    dpop: { nonces: true },
    moreClients: [bound, ...clients.map(({ name, metadata }) => ({ client_id: name, ...metadata }))],
  });
});
afterAll(async () => {
  expect(server.errors).toEqual([]);
  await server.close();
  await Promise.all([getGlobalDispatcher().close(), ...agents.map((agent) => agent.close())]);
  setGlobalDispatcher(platform);
});

const optionsOf = (clientId: string, more: object = {}) => ({
  clientId,
  authorizationServer: discover(server.issuer),
  pending: new Map<string, string>(),
  redirectUri: server.redirectUri,
  ...request,
  ...more,
});

test.each(clients)('$name logs in, and its URL has client_id and request_uri only', async (client) => {
  const { name, right: clientAuthentication, certificate } = client;
  const options = optionsOf(name, { clientAuthentication, fetch: presenting(certificate) });
  const { url } = await startLogin({ ...options, acrValues: ['gold'], uiLocales: ['en'] });
  expect([...new URL(url).searchParams.keys()]).toEqual(['client_id', 'request_uri']);
  const login = await completeLogin(options, await browse(url, server.redirectUri));
  expect(login.idTokenClaims()).toMatchObject({ sub: 'grace', aud: name, acr: 'gold' });
  expect(await server.introspect(login.tokens.accessToken)).toMatchObject({ active: true, sub: 'grace' });
});

test.each(clients.filter(({ wrong }) => wrong !== undefined))(
  '$name is refused with wrong credentials before the user is sent anywhere',
  async ({ name, wrong: clientAuthentication, wrongCertificate }) => {
    const options = optionsOf(name, { clientAuthentication, fetch: presenting(wrongCertificate) });
    const error = await rejection(startLogin(options));
    expect(error).toMatchObject({ code: 'ERR_LOGIN_FAILED', reason: 'refused', error: 'invalid_client' });
    expect(options.pending.size).toBe(0);
  },
);

test('a DPoP key is proven with the nonce of the server, and binds the code and the tokens', async () => {
  const sent: string[] = [];
  const spy: typeof fetch = async (input, init) => {
    sent.push(String(input));
    return await fetch(input, init);
  };
  const options = optionsOf('bound', { dpop: dpop(), fetch: spy });
  const { url } = await startLogin(options);
  expect(sent).toEqual([`${server.issuer}/request`, `${server.issuer}/request`]); // the first answer has the nonce
  const { tokens } = await completeLogin(options, await browse(url, server.redirectUri));
  expect(tokens.tokenType).toBe('DPoP');
  expect(await server.introspect(tokens.accessToken)).toMatchObject({ cnf: { jkt: tokens.thumbprint } });
});

test('through loopback, on a port that nobody had registered', async () => {
  const open = async (url: string) => {
    expect([...new URL(url).searchParams.keys()]).toEqual(['client_id', 'request_uri']);
    await follow(url);
  };
  const { redirectUri: _, pending: __, ...options } = optionsOf('none');
  const login = await loopbackLogin({ ...options, open });
  expect(login.idTokenClaims()?.sub).toBe('grace');
});

/** The user's browser: follows every redirect, cookies in hand. */
async function follow(start: string): Promise<void> {
  const cookies = new Map<string, string>();
  for (let url: string | undefined = start; url !== undefined; ) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response: Response = await fetch(url, { redirect: 'manual', headers: { cookie } });
    for (const set of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      cookies.set(name, value);
    }
    await response.text();
    const location = response.headers.get('location');
    url = location === null ? undefined : new URL(location, url).href;
  }
}

test('a server that requires it refuses parameters in the URL; the URL of a pushed login is used once', async () => {
  const options = optionsOf('none');
  const { url } = await startLogin({ ...options, par: 'never' });
  const answer = await browse(url, server.redirectUri);
  expect(answer.get('error')).toBe('invalid_request');
  const pushed = await startLogin(options);
  await browse(pushed.url, server.redirectUri);
  const again = await browse(pushed.url, server.redirectUri);
  expect(again.get('error')).toBe('invalid_request_uri');
});

test('a parameter that the server does not know is refused before the user is sent anywhere', async () => {
  const error = await rejection(startLogin(optionsOf('none', { scope: ['openid'], prompt: 'sing' })));
  expect(error).toMatchObject({ reason: 'refused', error: 'invalid_request' });
});
