import { describe, expect, test } from 'vitest';
import { testClock } from '../../../../src/testing/index.ts';
import type { Client } from './support/server-forms.ts';
import { errorOf, forms, said, tokensOf } from './support/server-forms.ts';

const own = { client_id: 'test-client' };
const revoke = ({ post, metadata }: Client, token: unknown, more?: Record<string, string>) =>
  post(metadata.revocationEndpoint as string, { ...own, token: String(token), ...more });
const introspect = ({ post, metadata }: Client, token: unknown) =>
  said(post(String(metadata.metadata?.['introspection_endpoint']), { ...own, token: String(token) }));

describe.each(forms)('the revocation endpoint, $form', ({ open }) => {
  test('ends the whole family of a refresh token, also of a used one', async () => {
    const client = await open();
    const { server, refresh, call } = client;
    for (const isUsed of [false, true]) {
      const { refresh_token, access_token } = server.signIn();
      const current = isUsed ? (await tokensOf(refresh(refresh_token))).refresh_token : refresh_token;
      const answer = await revoke(client, refresh_token);
      expect([answer.status, await answer.text()]).toEqual([200, '']);
      expect(await errorOf(refresh(current))).toBe('400 invalid_grant');
      expect((await call(access_token)).status).toBe(401);
    }
    expect(server.counts).toMatchObject({ revocations: 2, familiesRevoked: 2, reuses: 0 });
  });

  test('ends an access token only', async () => {
    const client = await open();
    const { refresh_token, access_token } = client.server.signIn();
    expect((await revoke(client, access_token)).status).toBe(200);
    expect((await client.call(access_token)).status).toBe(401);
    expect((await client.refresh(refresh_token)).status).toBe(200);
  });

  test('does not mind what it does not know, or a wrong hint', async () => {
    const client = await open();
    expect((await revoke(client, 'unknown')).status).toBe(200);
    const { refresh_token } = client.server.signIn();
    expect((await revoke(client, refresh_token, { token_type_hint: 'access_token' })).status).toBe(200);
    expect(client.server.isActive(refresh_token as string)).toBe(false);
  });

  test('refuses other clients, wrong methods and secrets in the URL', async () => {
    const client = await open({ clients: [{ clientId: 'test-client' }, { clientId: 'other' }] });
    const { server, fetch, post, metadata } = client;
    const { refresh_token } = server.signIn();
    const url = metadata.revocationEndpoint as string;
    expect(await errorOf(revoke(client, refresh_token, { client_id: 'other' }))).toBe(
      '400 unauthorized_client',
    );
    expect(await errorOf(revoke(client, refresh_token, { client_id: 'nobody' }))).toBe('401 invalid_client');
    expect(await errorOf(revoke(client, ''))).toBe('400 invalid_request');
    expect((await fetch(url)).status).toBe(405);
    expect(await errorOf(post(`${url}?token=${refresh_token}`, own))).toBe('400 invalid_request');
    expect(server.counts).toMatchObject({ revocations: 0, secretsInUrl: 1 });
    expect(server.isActive(refresh_token as string)).toBe(true);
  });
});

describe.each(forms)('the introspection endpoint, $form', ({ open }) => {
  test('reports active tokens', async () => {
    const clock = testClock();
    const client = await open({ clock, refreshTokenLifetime: 86_400_000 });
    const { refresh_token, access_token } = client.server.signIn({ subject: 'anna', scope: ['read'] });
    const now = clock.now() / 1000;
    const shared = {
      active: true,
      client_id: 'test-client',
      sub: 'anna',
      scope: 'read',
      iss: 'https://as.test',
    };
    expect((await introspect(client, access_token)).body).toEqual({
      ...shared,
      token_type: 'Bearer',
      aud: 'https://api.test',
      exp: now + 300,
    });
    expect((await introspect(client, refresh_token)).body).toEqual({ ...shared, exp: now + 86_400 });
    expect(client.server.counts.introspections).toBe(2);
  });

  test('reports nothing about all others', async () => {
    const client = await open();
    const { refresh_token, access_token } = client.server.signIn();
    client.server.expire(access_token);
    await client.refresh(refresh_token);
    for (const token of [access_token, refresh_token, 'unknown']) {
      expect(await introspect(client, token)).toEqual({ status: 200, body: { active: false } });
    }
  });
});

describe.each(forms)('the metadata, $form', ({ open }) => {
  test.each([
    ['https://as.test', '/.well-known/oauth-authorization-server'],
    ['https://as.test', '/.well-known/openid-configuration'],
    ['https://as.test/tenant/a', '/.well-known/oauth-authorization-server/tenant/a'],
    ['https://as.test/tenant/a', '/tenant/a/.well-known/openid-configuration'],
  ])('of %s are at %s', async (issuer, path) => {
    const client = await open({ issuer });
    const { body, status } = await said(client.fetch(new URL(client.issuer).origin + path));
    expect(status).toBe(200);
    expect(body).toEqual(client.metadata.metadata);
    expect(body).toMatchObject({
      issuer: client.issuer,
      token_endpoint: client.metadata.tokenEndpoint,
      revocation_endpoint: client.metadata.revocationEndpoint,
    });
    expect(client.issuer.endsWith(new URL(issuer).pathname.replace(/\/$/, ''))).toBe(true);
    const { refresh_token } = client.server.signIn();
    expect((await client.refresh(refresh_token)).status).toBe(200);
    expect(client.server.counts.metadataRequests).toBe(1);
  });

  test('are nowhere else', async () => {
    const client = await open();
    expect((await client.fetch(`${client.issuer}/elsewhere`)).status).toBe(404);
  });
});
