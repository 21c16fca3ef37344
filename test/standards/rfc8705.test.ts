/** Mutual TLS. */
import { discover } from 'tokenkeep';
import { clientSecretPost, tlsClientAuth } from 'tokenkeep/client-authentication';
import { expect, test } from 'vitest';
import { wire } from '../support/wire.ts';
import { api, as, client, done, granting, refresh } from './support/client.ts';

const aliases = {
  tokenEndpoint: 'https://mtls.as.test/token',
  revocationEndpoint: 'https://mtls.as.test/revoke',
};
const authorizationServer = { ...as, mtlsEndpointAliases: aliases };
const places = {
  [as.tokenEndpoint]: granting(),
  [as.revocationEndpoint]: done,
  [aliases.tokenEndpoint]: granting(),
  [aliases.revocationEndpoint]: done,
  [api]: done,
};

test('8705-01: beside the certificate the client says which one it is, and nothing else', async () => {
  const net = wire(places);
  const manager = await client(net, { clientAuthentication: tlsClientAuth() });
  await refresh(manager);
  expect(Object.fromEntries(net.sent[0]?.form ?? [])).toEqual({
    grant_type: 'refresh_token',
    refresh_token: 'refresh-0',
    client_id: 'app',
  });
  expect(net.sent[0]?.headers.has('authorization')).toBe(false);
});

test('8705-02: one transport, and so one certificate, carries token requests, API calls and revocations', async () => {
  const net = wire(places);
  const manager = await client(net, { clientAuthentication: tlsClientAuth() });
  await refresh(manager);
  await manager.fetch(api);
  await manager.signOut();
  expect(net.sent.map(({ url }) => url)).toEqual([as.tokenEndpoint, api, as.revocationEndpoint]);
});

test('8705-03: a client with a certificate goes to the aliases', async () => {
  const net = wire(places);
  const manager = await client(net, { clientAuthentication: tlsClientAuth(), authorizationServer });
  await refresh(manager);
  await manager.signOut();
  expect(net.sent.map(({ url }) => url)).toEqual([aliases.tokenEndpoint, aliases.revocationEndpoint]);
});

test('8705-03: any other client does not', async () => {
  const net = wire(places);
  const manager = await client(net, {
    clientAuthentication: clientSecretPost('s3cret'),
    authorizationServer,
  });
  await refresh(manager);
  await manager.signOut();
  expect(net.sent.map(({ url }) => url)).toEqual([as.tokenEndpoint, as.revocationEndpoint]);
});

test('8705-03: an endpoint without an alias is the ordinary one', async () => {
  const net = wire(places);
  const { tokenEndpoint } = aliases;
  const manager = await client(net, {
    clientAuthentication: tlsClientAuth(),
    authorizationServer: { ...as, mtlsEndpointAliases: { tokenEndpoint } },
  });
  await refresh(manager);
  await manager.signOut();
  expect(net.sent.map(({ url }) => url)).toEqual([tokenEndpoint, as.revocationEndpoint]);
});

test('8705-03: aliases are read from the metadata', async () => {
  const openid = 'https://as.test/.well-known/openid-configuration';
  const metadata = {
    issuer: as.issuer,
    token_endpoint: as.tokenEndpoint,
    mtls_endpoint_aliases: { token_endpoint: aliases.tokenEndpoint },
  };
  const net = wire({ ...places, [openid]: () => Response.json(metadata) });
  const manager = await client(net, {
    clientAuthentication: tlsClientAuth(),
    authorizationServer: discover(as.issuer, { fetch: net.fetch }),
  });
  await refresh(manager);
  expect(net.sent.map(({ url }) => url)).toEqual([openid, aliases.tokenEndpoint]);
});
