/** The test server's pushed authorization requests (RFC 9126), as strict as its logins. */
import { describe, expect, test } from 'vitest';
import { dpop } from '../../../../src/dpop/index.ts';
import { testClock } from '../../../../src/testing/index.ts';
import { type Client, forms } from './support/server-forms.ts';

const request = {
  client_id: 'test-client',
  response_type: 'code',
  redirect_uri: 'https://app.test/callback',
  code_challenge: 'a'.repeat(43),
  code_challenge_method: 'S256',
  state: 'the-state',
};
type Change = Record<string, string | undefined>;

async function push({ fetch, metadata }: Client, change: Change = {}, headers: Record<string, string> = {}) {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...request, ...change })) {
    if (value !== undefined) body.set(name, value);
  }
  const url = metadata.pushedAuthorizationRequestEndpoint ?? '';
  const response = await fetch(url, { method: 'POST', body, headers });
  const answer = (await response.json()) as Readonly<Record<string, unknown>>;
  return { status: response.status, answer };
}

async function visit({ fetch, metadata }: Client, query: Record<string, string>) {
  const url = `${metadata.authorizationEndpoint}?${new URLSearchParams(query)}`;
  const response = await fetch(url, { redirect: 'manual' });
  await response.text();
  return { status: response.status, location: response.headers.get('location') };
}

const clients = [{ clientId: 'test-client' }, { clientId: 'other' }, { clientId: 'safe', clientSecret: 's' }];

describe.each(forms)('the pushed authorization request endpoint, $form', ({ open }) => {
  test('keeps the parameters for one login of their client', async () => {
    const client = await open({ requirePushedAuthorizationRequests: true });
    const { status, answer } = await push(client);
    expect([status, answer['expires_in']]).toEqual([201, 60]);
    expect(answer['request_uri']).toMatch(/^urn:ietf:params:oauth:request_uri:.{20,}$/);
    const query = { client_id: 'test-client', request_uri: String(answer['request_uri']) };
    const { location } = await visit(client, query);
    expect(location).toMatch(/^https:\/\/app\.test\/callback\?code=.+&state=the-state/);
    expect((await visit(client, query)).status).toBe(400); // a second time
    expect((await visit(client, request)).status).toBe(400); // not pushed
    expect(client.server.counts.pushedRequests).toBe(1);
  });

  test.each<[string, Record<string, string>]>([
    ['another client', { client_id: 'other' }],
    ['a parameter beside it', { scope: 'admin' }],
    ['another request_uri', { request_uri: 'urn:x' }],
  ])('does not begin a login with %s', async (_, change) => {
    const client = await open({ clients });
    const { answer } = await push(client);
    const query = { client_id: 'test-client', request_uri: String(answer['request_uri']), ...change };
    expect(await visit(client, query)).toEqual({ status: 400, location: null });
  });

  test('forgets the parameters after a minute', async () => {
    const clock = testClock();
    const client = await open({ clock });
    const { answer } = await push(client);
    await clock.advance(60_000);
    const query = { client_id: 'test-client', request_uri: String(answer['request_uri']) };
    expect((await visit(client, query)).status).toBe(400);
  });

  test.each<[string, Change]>([
    ['invalid_client', { client_id: 'nobody' }],
    ['invalid_client', { client_id: 'safe' }],
    ['invalid_client', { client_id: 'safe', client_secret: 'wrong' }],
    ['invalid_request', { request_uri: 'urn:x' }],
    ['invalid_request', { redirect_uri: undefined }],
    ['invalid_request', { code_challenge: undefined }],
    ['unsupported_response_type', { response_type: 'token' }],
  ])('says %s to %o', async (error, change) => {
    const client = await open({ clients });
    expect((await push(client, change)).answer).toMatchObject({ error });
    expect(client.server.counts.pushedRequests).toBe(0);
  });

  test('the client that authenticates must be the one of the login', async () => {
    const client = await open({ clients });
    const authorization = `Basic ${btoa('safe:s')}`;
    const named = await push(client, {}, { authorization });
    const missing = await push(client, { client_id: undefined }, { authorization });
    expect([named.answer['error'], missing.answer['error']]).toEqual(['invalid_request', 'invalid_request']);
    expect((await push(client, { client_id: 'safe' }, { authorization })).status).toBe(201);
  });

  test('a proof must be of the key that dpop_jkt names (RFC 9449 §10.1)', async () => {
    const client = await open();
    const key = await dpop().generate();
    const url = client.metadata.pushedAuthorizationRequestEndpoint ?? '';
    const proof = () => key.prove({ verifier: 'authorization server', method: 'POST', url });
    expect((await push(client, { dpop_jkt: 'another' }, { dpop: await proof() })).status).toBe(400);
    expect((await push(client, { dpop_jkt: key.thumbprint }, { dpop: await proof() })).status).toBe(201);
  });

  test('is for POST', async () => {
    const client = await open();
    const response = await client.fetch(client.metadata.pushedAuthorizationRequestEndpoint ?? '');
    await response.text();
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });
});
