/** Logins whose tokens are bound to a key, at the strict server. */
import { TokenManager } from 'tokenkeep';
import { type DpopOptions, dpop, type KeyStorage, memoryKeys } from 'tokenkeep/dpop';
import { completeLogin, deviceLogin, startLogin } from 'tokenkeep/login';
import {
  type AuthorizationServerOptions,
  authorizationServer,
  type DpopPolicy,
  testClock,
} from 'tokenkeep/testing';
import { expect, test } from 'vitest';
import { api, noted, type Sent } from '../../support/open-dpop-manager.ts';
import { rejection } from '../../support/promises.ts';
import { wire } from '../../support/wire.ts';

const redirectUri = 'https://app.test/callback';

function watched(): KeyStorage & { readonly held: Set<string> } {
  const keys = memoryKeys();
  const held = new Set<string>();
  return {
    ...keys,
    held,
    async write(name, pair) {
      held.add(name);
      await keys.write(name, pair);
    },
    async delete(name) {
      held.delete(name);
      await keys.delete(name);
    },
  };
}

function site(policy: DpopPolicy = {}, more: DpopOptions = {}, options: AuthorizationServerOptions = {}) {
  const clock = testClock();
  const server = authorizationServer({ clock, dpop: { required: true, ...policy }, ...options });
  const sent: Sent[] = [];
  const keys = watched();
  const pending = new Map<string, string>();
  const authorizationEndpoint = server.metadata.authorizationEndpoint ?? 'https://as.test/authorize';
  const client = {
    clientId: 'test-client',
    authorizationServer: { ...server.metadata, authorizationEndpoint },
    fetch: noted(server.fetch, sent),
    clock,
    dpop: dpop({ keys, ...more }),
  };
  const manager = new TokenManager({ ...client, protectedResources: ['https://api.test/'] });
  const start = () => startLogin({ ...client, redirectUri, pending, scope: ['read'] });
  /** The response that the browser brings back. */
  const visit = async (url: string) => {
    const answer = await server.fetch(url, { redirect: 'manual' });
    return answer.headers.get('location') ?? '';
  };
  return { clock, server, sent, keys, pending, client, manager, start, visit };
}

test.each([[[]], [['token', 'api']]] as [('token' | 'api')[]][])(
  'by redirect, with nonces at %j: the code and the tokens are bound to one key',
  async (nonces) => {
    const { server, client, manager, pending, start, visit, keys, sent } = site({ nonces });
    const { url } = await start();
    const thumbprint = new URL(url).searchParams.get('dpop_jkt');
    expect([...keys.held]).toEqual([thumbprint]);
    const login = await completeLogin({ ...client, pending }, await visit(url));
    expect(login.tokens).toMatchObject({ tokenType: 'DPoP', thumbprint });
    await manager.setTokens(login.tokens);
    expect((await manager.fetch(api)).status).toBe(200);
    server.expire();
    expect((await manager.fetch(api)).status).toBe(200);
    expect(server.counts).toMatchObject({ signIns: 1, refreshes: 1, proofsRefused: 0, proofReplays: 0 });
    expect(new Set(sent.map(({ header }) => JSON.stringify(header['jwk']))).size).toBe(1);
  },
);

test('a code that was bound to a key cannot be used with another one', async () => {
  const { client, start, visit, pending, keys } = site();
  const { url, state } = await start();
  const name = [...pending.keys()].find((one) => one.includes(state)) ?? '';
  const stolen = { ...JSON.parse(pending.get(name) ?? ''), thumbprint: undefined };
  pending.set(name, JSON.stringify(stolen));
  const error = await rejection(completeLogin({ ...client, pending }, await visit(url)));
  expect(error).toMatchObject({ code: 'ERR_LOGIN_FAILED', error: 'invalid_grant' });
  expect(keys.held.size).toBe(1); // that of the login, whose name is not known any more; the one of the thief is gone
});

test('the key of a login is lost: said before the code is sent', async () => {
  const { client, start, visit, pending, keys, sent } = site();
  const { url } = await start();
  for (const name of keys.held) await keys.delete(name);
  const error = await rejection(completeLogin({ ...client, pending }, await visit(url)));
  expect(error).toMatchObject({ code: 'ERR_LOGIN_FAILED', reason: 'no_key' });
  expect(sent).toEqual([]);
});

test('keys of logins that failed, or that nobody came back for, are forgotten', async () => {
  const { client, start, visit, pending, keys, clock, server } = site();
  const abandoned = await start();
  await clock.advance(700_000);
  const { url } = await start();
  expect([...keys.held]).toEqual([new URL(url).searchParams.get('dpop_jkt')]);
  expect(pending.size).toBe(1);
  expect(abandoned.url).not.toBe(url);
  server.fail({ response: { status: 400, body: '{"error":"invalid_grant"}' } });
  await rejection(completeLogin({ ...client, pending }, await visit(url)));
  expect(keys.held.size).toBe(0);
});

test('the key is durable before the code is sent; a storage that refuses it costs no code', async () => {
  const clock = testClock();
  const keys = { ...memoryKeys(), write: () => Promise.reject(new Error('full')) };
  const { client, sent, pending } = site();
  const options = { ...client, clock, dpop: dpop({ keys }), redirectUri, pending };
  expect(await rejection(startLogin(options))).toMatchObject({
    code: 'ERR_STORAGE',
    operation: 'write',
    cause: { message: 'full' },
  });
  expect(sent).toEqual([]);
});

test('a server that does not know DPoP: its tokens are said to be bearer tokens, the key is forgotten, and nobody takes them for protected', async () => {
  const net = wire({
    'https://as.test/token': () =>
      Response.json({ access_token: 'plain', token_type: 'Bearer', refresh_token: 'r' }),
  });
  const { client, pending, start, keys } = site();
  const { state } = await start();
  const callback = `${redirectUri}?code=c&state=${state}&iss=https://as.test`;
  const login = await completeLogin({ ...client, fetch: net.fetch, pending }, callback);
  expect(login.tokens).toMatchObject({ tokenType: 'Bearer', thumbprint: undefined });
  expect(keys.held.size).toBe(0);
  const manager = new TokenManager({ ...client, protectedResources: ['https://api.test/'] });
  expect(await rejection(manager.setTokens(login.tokens))).toMatchObject({ code: 'ERR_CONFIGURATION' });
});

test('of a device: a new proof for each time that it asks, and one key', async () => {
  const answers = ['authorization_pending', 'use_dpop_nonce', 'slow_down', 'done'];
  const net = wire({
    'https://as.test/device': () =>
      Response.json({
        device_code: 'd',
        user_code: 'U',
        verification_uri: 'https://as.test/go',
        interval: 5,
      }),
    'https://as.test/token': (_, count) => {
      const error = answers[count - 1];
      if (error !== 'done')
        return Response.json({ error }, { status: 400, headers: { 'dpop-nonce': `n${count}` } });
      return Response.json({ access_token: 'a', token_type: 'DPoP', refresh_token: 'r' });
    },
  });
  const { client, clock, keys } = site();
  const sent: Sent[] = [];
  const login = deviceLogin({
    ...client,
    authorizationServer: {
      ...client.authorizationServer,
      deviceAuthorizationEndpoint: 'https://as.test/device',
    },
    fetch: noted(net.fetch, sent),
    onPrompt: () => undefined,
  });
  let isDone = false;
  const tokens = login.then((one) => {
    isDone = true;
    return one.tokens;
  });
  // In small steps: proofs are signed on another thread, and on a busy machine no time-out may be over before that.
  while (!isDone) await clock.advance(10);
  expect(await tokens).toMatchObject({ tokenType: 'DPoP', thumbprint: [...keys.held][0] });
  const asked = sent.filter(({ url }) => url.endsWith('/token'));
  expect(asked.map(({ claims }) => claims['nonce'])).toEqual([undefined, 'n1', 'n2', 'n3']);
  expect(new Set(asked.map(({ claims }) => claims['jti'])).size).toBe(4);
});

test('dpop_jkt is ours to say', async () => {
  const { client, pending } = site();
  const options = { ...client, redirectUri, pending, parameters: { dpop_jkt: 'another' } };
  expect(await rejection(startLogin(options))).toMatchObject({ code: 'ERR_CONFIGURATION' });
});
