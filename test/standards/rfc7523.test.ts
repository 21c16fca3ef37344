/** JWTs that authenticate a client (also RFC 7521). */
import { createLocalJWKSet, decodeJwt, exportJWK, generateKeyPair, type JWTPayload, jwtVerify } from 'jose';
import type { ClientAuthentication } from 'tokenkeep';
import { clientSecretJwt, privateKeyJwt } from 'tokenkeep/client-assertion';
import { testClock } from 'tokenkeep/testing';
import { expect, test } from 'vitest';
import type { Sent } from '../support/wire.ts';
import { wire } from '../support/wire.ts';
import { as, client, done, granting, refresh } from './support/client.ts';

const secret = 'a-secret-of-at-least-thirty-two-bytes';
const { privateKey, publicKey } = await generateKeyPair('ES256');
const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'key-1', alg: 'ES256' }] });

interface Method {
  readonly method: ClientAuthentication;
  verify(assertion: string): Promise<{ payload: JWTPayload }>;
}

const methods: Readonly<Record<string, Method>> = {
  client_secret_jwt: {
    method: clientSecretJwt(secret),
    verify: (assertion) => jwtVerify(assertion, new TextEncoder().encode(secret)),
  },
  private_key_jwt: {
    method: privateKeyJwt({ key: privateKey, kid: 'key-1' }),
    verify: (assertion) => jwtVerify(assertion, keys),
  },
};
const assertionOf = ({ form }: Sent): string => form.get('client_assertion') ?? '';

test.each(Object.entries(methods))(
  '7523-01, 7521-01: %s sends one JWT, what kind it is, and the client_id that it is about',
  async (_, { method, verify }) => {
    const net = wire({ [as.tokenEndpoint]: granting(), [as.revocationEndpoint]: done });
    const manager = await client(net, { clientAuthentication: method });
    await refresh(manager);
    await manager.signOut();
    expect(net.sent).toHaveLength(2);
    for (const sent of net.sent) {
      expect(sent.form.getAll('client_assertion_type')).toEqual([
        'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      ]);
      expect(sent.form.getAll('client_assertion')).toHaveLength(1);
      const { payload } = await verify(assertionOf(sent));
      expect(sent.form.getAll('client_id')).toEqual([payload.sub]);
    }
  },
);

test.each(Object.entries(methods))(
  '7523-02: the JWT of %s is by the client, about the client, for the issuer, and ends',
  async (_, { method, verify }) => {
    const net = wire({ [as.tokenEndpoint]: granting() });
    await refresh(await client(net, { clientAuthentication: method }));
    const { payload } = await verify(assertionOf(net.sent[0] as Sent));
    expect(payload).toMatchObject({ iss: 'app', sub: 'app', aud: as.issuer });
    expect(Number(payload.exp) - Number(payload.iat)).toBeGreaterThan(0);
  },
);

test('7523-02: for a server without an issuer the audience is the token endpoint', async () => {
  const { method, verify } = methods['private_key_jwt'] as Method;
  const net = wire({ [as.tokenEndpoint]: granting() });
  const { tokenEndpoint } = as;
  await refresh(await client(net, { clientAuthentication: method, authorizationServer: { tokenEndpoint } }));
  const { payload } = await verify(assertionOf(net.sent[0] as Sent));
  expect(payload.aud).toBe(tokenEndpoint);
});

/** The audiences that a JWT can have, and the one that it gets. */
const audiences: [string, Parameters<typeof clientSecretJwt>[1], string][] = [
  ['the token endpoint', { audience: ({ tokenEndpoint }) => tokenEndpoint }, as.tokenEndpoint],
  ['what the server wants', { audience: 'https://as.test/oauth2/default' }, 'https://as.test/oauth2/default'],
  ['the issuer', { audience: undefined }, as.issuer],
];

test.each(audiences)('7523-02: it can be for %s, whatever is done with it', async (_, options, audience) => {
  for (const method of [clientSecretJwt(secret, options), privateKeyJwt(privateKey, options)]) {
    const net = wire({ [as.tokenEndpoint]: granting(), [as.revocationEndpoint]: done });
    const manager = await client(net, { clientAuthentication: method });
    await refresh(manager);
    await manager.signOut();
    expect(net.sent.map((sent) => decodeJwt(assertionOf(sent)).aud)).toEqual([audience, audience]);
  }
});

test.each(Object.entries(methods))(
  '7523-03: every request of %s has a JWT of its own, also when one refresh is sent a second time',
  async (_, { method, verify }) => {
    const clock = testClock();
    const net = wire({
      [as.tokenEndpoint]: (sent, count) => {
        if (count === 1) throw new TypeError('fetch failed'); // the response is lost
        return granting()(sent, count);
      },
    });
    const authorizationServer = { ...as, profile: { reuseWindow: 30_000 } };
    const manager = await client(net, { clock, clientAuthentication: method, authorizationServer });
    expect(await refresh(manager)).toBe('access-2');
    expect(await refresh(manager)).toBe('access-3');
    expect(net.sent.map(({ form }) => form.get('refresh_token'))).toEqual([
      'refresh-0',
      'refresh-0',
      'refresh-2',
    ]);
    const payloads = await Promise.all(
      net.sent.map(async (sent) => (await verify(assertionOf(sent))).payload),
    );
    expect(new Set(payloads.map(({ jti }) => jti)).size).toBe(3);
    for (const { iat, exp } of payloads) expect(Number(exp) - Number(iat)).toBeLessThanOrEqual(300);
  },
);

test('7523-03: it is made when the lock is held, not before the wait for it', async () => {
  const order: string[] = [];
  const { method } = methods['private_key_jwt'] as Method;
  const net = wire({
    [as.tokenEndpoint]: (sent, count) => {
      order.push('sent');
      return granting()(sent, count);
    },
  });
  const manager = await client(net, {
    clientAuthentication: {
      ...method,
      authenticate: (request) => {
        order.push('authenticated');
        return method.authenticate(request);
      },
    },
    lock: {
      reach: 'process',
      request: async (_name, _options, callback) => {
        order.push('locked');
        return await callback();
      },
    },
  });
  await refresh(manager);
  expect(order).toEqual(['locked', 'authenticated', 'sent']);
});
