/** Metadata of an authorization server. */
import { ConfigurationError, discover } from 'tokenkeep';
import { describe, expect, test } from 'vitest';
import { rejection } from '../support/promises.ts';
import { type Place, wire } from '../support/wire.ts';
import { api, as, client, done, granting, refresh } from './support/client.ts';

const openid = 'https://as.test/.well-known/openid-configuration';
const oauth = 'https://as.test/.well-known/oauth-authorization-server';
const document = { issuer: as.issuer, token_endpoint: as.tokenEndpoint };
const saying =
  (metadata: object): Place =>
  () =>
    Response.json(metadata);
const missing: Place = () => new Response(null, { status: 404 });

describe('the issuer', () => {
  test.each(['https://evil.test', 'https://as.test/', 'https://AS.test', 'http://as.test', undefined])(
    '8414-01: a document of %s is not used, and the refresh token is sent nowhere',
    async (issuer) => {
      const other = saying({ issuer, token_endpoint: 'https://evil.test/token' });
      const net = wire({ [openid]: other, [oauth]: other, 'https://evil.test/token': granting() });
      const manager = await client(net, {
        authorizationServer: discover(as.issuer, { fetch: net.fetch }),
      });
      expect(await rejection(refresh(manager))).toBeInstanceOf(ConfigurationError);
      expect(net.sent.filter(({ method }) => method === 'POST')).toEqual([]);
      expect((await manager.getTokens())?.refreshToken).toBe('refresh-0');
    },
  );

  test('8414-01: an issuer without its slash is an error that names the right spelling', async () => {
    const net = wire({ [openid]: saying({ ...document, issuer: 'https://as.test/' }), [oauth]: missing });
    const failure = await rejection(discover('https://as.test', { fetch: net.fetch })());
    expect(failure).toBeInstanceOf(ConfigurationError);
    expect(failure.message).toContain('"https://as.test/"');
  });

  test.each(['http://as.test', 'as.test', '', 'https://as.test#x', 'https://u:p@as.test'])(
    '8414-01: %j is no issuer to ask',
    (issuer) => {
      expect(() => discover(issuer)).toThrow(/^discover\(issuer\)/);
    },
  );
});

test('8414-03: token and revocation endpoint are those of the document', async () => {
  const token = 'https://tokens.test/t';
  const revocation = 'https://tokens.test/r';
  const metadata = { ...document, token_endpoint: token, revocation_endpoint: revocation };
  const net = wire({ [openid]: saying(metadata), [token]: granting(), [revocation]: done });
  const manager = await client(net, { authorizationServer: discover(as.issuer, { fetch: net.fetch }) });
  expect(await refresh(manager)).toBe('access-1');
  expect(await manager.signOut()).toEqual({ revoked: true });
  expect(net.sent.map(({ url }) => url)).toEqual([openid, token, revocation]);
});

test('8414-03: the document is asked for once; later it is in nobody’s way', async () => {
  const net = wire({
    [openid]: (_, count) => (count === 1 ? Response.json(document) : new Response(null, { status: 500 })),
    [as.tokenEndpoint]: granting(),
  });
  const manager = await client(net, { authorizationServer: discover(as.issuer, { fetch: net.fetch }) });
  for (const expected of ['access-1', 'access-2', 'access-3']) expect(await refresh(manager)).toBe(expected);
  expect(net.to(openid)).toHaveLength(1);
});

test('8414-03: a call with a fresh token needs no document', async () => {
  const net = wire({ [api]: done });
  const manager = await client(net, { authorizationServer: discover(as.issuer, { fetch: net.fetch }) });
  expect((await manager.fetch(api)).status).toBe(200);
  expect(net.sent.map(({ url }) => url)).toEqual([api]);
});

test('8414-03: a document that cannot be had spends nothing, and is asked for again', async () => {
  const net = wire({
    [openid]: (_, count) => (count === 1 ? new Response(null, { status: 403 }) : Response.json(document)),
    [oauth]: missing,
    [as.tokenEndpoint]: granting(),
  });
  const authorizationServer = discover(as.issuer, { fetch: net.fetch });
  const failing = await client(net, { authorizationServer });
  expect(await rejection(refresh(failing))).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: false });
  expect(net.to(as.tokenEndpoint)).toEqual([]);
  const next = await client(net, { authorizationServer });
  expect(await refresh(next)).toBe('access-1');
});

test('8414-04: the well-known path stands before the path of the issuer', async () => {
  const issuer = 'https://as.test/tenant/workspace';
  const appended = `${issuer}/.well-known/openid-configuration`;
  const inserted = `${oauth}/tenant/workspace`;
  const net = wire({
    [appended]: missing, // where OpenID Connect has it
    [inserted]: saying({ issuer, token_endpoint: as.tokenEndpoint }),
    [as.tokenEndpoint]: granting(),
  });
  const manager = await client(net, { authorizationServer: discover(issuer, { fetch: net.fetch }) });
  expect(await refresh(manager)).toBe('access-1');
  expect(net.sent.map(({ url }) => url)).toEqual([appended, inserted, as.tokenEndpoint]);
});
