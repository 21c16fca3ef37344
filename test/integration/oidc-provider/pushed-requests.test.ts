/**
 * Logins at a certified server that takes their parameters from clients only (RFC 9126), over TLS: with every client
 * authentication, and with nonces for DPoP.
 */
import { type ClientAuthentication, discover, none } from 'tokenkeep';
import { dpop } from 'tokenkeep/dpop';
import { completeLogin, loopbackLogin, startLogin } from 'tokenkeep/login';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  browse,
  browseTo,
  type CertifiedServer,
  startCertifiedServer,
} from '../../support/certified-server/index.ts';
import { rejection } from '../../support/promises.ts';
import {
  type AuthenticatedClient,
  clients,
  closeAgents,
  presenting,
  tls,
  trustServer,
} from './support/authenticated-clients.ts';

/** All clients, and a public one, of which there are no wrong credentials. */
const senders: readonly (Omit<AuthenticatedClient, 'wrong'> & { readonly wrong?: ClientAuthentication })[] = [
  { name: 'none', metadata: { token_endpoint_auth_method: 'none' }, right: none() },
  ...clients,
];

const scope = ['openid', 'offline_access'];
const request = { scope, prompt: 'consent', parameters: { login_hint: 'grace' } };
const bound = { client_id: 'bound', token_endpoint_auth_method: 'none', dpop_bound_access_tokens: true };
let server: CertifiedServer;
beforeAll(async () => {
  trustServer();
  server = await startCertifiedServer({
    tls,
    requiresPushedRequests: true,
    dpop: { nonces: true },
    moreClients: [bound, ...senders.map(({ name, metadata }) => ({ client_id: name, ...metadata }))],
  });
});
afterAll(async () => {
  expect(server.errors).toEqual([]);
  await server.close();
  await closeAgents();
});

const optionsOf = (clientId: string, more: object = {}) => ({
  clientId,
  authorizationServer: discover(server.issuer),
  pending: new Map<string, string>(),
  redirectUri: server.redirectUri,
  ...request,
  ...more,
});

test.each(senders)('$name logs in, and its URL has client_id and request_uri only', async (client) => {
  const { name, right: clientAuthentication, certificate } = client;
  const options = optionsOf(name, { clientAuthentication, fetch: presenting(certificate) });
  const { url } = await startLogin({ ...options, acrValues: ['gold'], uiLocales: ['en'] });
  expect([...new URL(url).searchParams.keys()]).toEqual(['client_id', 'request_uri']);
  const login = await completeLogin(options, await browse(url, server.redirectUri));
  expect(login.idTokenClaims()).toMatchObject({ sub: 'grace', aud: name, acr: 'gold' });
  expect(await server.introspect(login.tokens.accessToken)).toMatchObject({ active: true, sub: 'grace' });
});

test.each(senders.filter(({ wrong }) => wrong !== undefined))(
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
    const callback = await browseTo(url, 'http://'); // the server has https
    await (await fetch(callback)).text();
  };
  const { redirectUri: _, pending: __, ...options } = optionsOf('none');
  const login = await loopbackLogin({ ...options, open });
  expect(login.idTokenClaims()?.sub).toBe('grace');
});

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
