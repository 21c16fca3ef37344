/** Resource indicators. */
import { ConfigurationError, TokenManager } from 'tokenkeep';
import { expect, test } from 'vitest';
import { openManager } from '../support/open-manager.ts';
import { rejection } from '../support/promises.ts';
import { wire } from '../support/wire.ts';
import { api, as, client, done, granting, refusing } from './support/client.ts';

const orders = 'https://api.test/orders';
const invoices = 'https://api.test/invoices';

test('8707-01: several resources are one parameter each, as they were written', async () => {
  const net = wire({ [as.tokenEndpoint]: granting() });
  const manager = await client(net);
  await manager.getAccessToken({ resource: [invoices, 'urn:example:orders'] });
  await manager.getAccessToken({ resource: orders });
  expect(net.sent.map(({ form }) => form.getAll('resource'))).toEqual([
    [invoices, 'urn:example:orders'],
    [orders],
  ]);
});

test.each(['orders', '/orders', 'https://api.test/#part', '', 'https://api.test/a b'])(
  '8707-01: %j is no absolute URI without a fragment: not as an option, not in a call',
  async (resource) => {
    const protectedResources = [{ url: 'https://api.test/', resource }];
    const make = () => new TokenManager({ clientId: 'app', authorizationServer: as, protectedResources });
    expect(make).toThrow(ConfigurationError);
    const net = wire({ [as.tokenEndpoint]: granting() });
    const manager = await client(net);
    expect(await rejection(manager.getAccessToken({ resource }))).toBeInstanceOf(ConfigurationError);
    expect(await rejection(manager.getAccessToken({ resource: [orders, resource] }))).toBeInstanceOf(
      ConfigurationError,
    );
    expect(net.sent).toEqual([]);
  },
);

test('8707-02: each protected resource gets the token that was asked for it, and keeps it', async () => {
  const { server, manager } = await openManager({
    manager: {
      protectedResources: [
        { url: orders, resource: orders },
        { url: invoices, resource: invoices, scope: ['read'] },
      ],
    },
  });
  const seen = async (url: string) =>
    (await (await manager.fetch(url)).json()) as { token: string; scope: [] };
  const first = [await seen(orders), await seen(invoices)];
  const again = [await seen(`${orders}/7`), await seen(`${invoices}/7`)];
  expect(first.map(({ scope }) => scope)).toEqual([['read', 'write'], ['read']]);
  expect(again.map(({ token }) => token)).toEqual(first.map(({ token }) => token));
  expect(new Set(first.map(({ token }) => token)).size).toBe(2);
  expect(server.counts).toMatchObject({ refreshes: 2, apiRejected: 0, reuses: 0 });
});

test('8707-02: the order of resources and scopes makes no other token', async () => {
  const net = wire({ [as.tokenEndpoint]: granting() });
  const manager = await client(net);
  const one = await manager.getAccessToken({ resource: [orders, invoices], scope: ['read', 'write'] });
  const two = await manager.getAccessToken({
    resource: [invoices, orders],
    scope: ['write', 'read', 'read'],
  });
  expect(two).toBe(one);
  expect(net.sent).toHaveLength(1);
});

test('8707-03: invalid_target is about what was asked for: the session and its other tokens live', async () => {
  const net = wire({ [as.tokenEndpoint]: refusing('invalid_target'), [api]: done });
  const manager = await client(net);
  const failure = await rejection(manager.getAccessToken({ resource: 'https://unknown.test/' }));
  expect(failure).toMatchObject({ code: 'ERR_REFRESH_FAILED', error: 'invalid_target', sent: false });
  expect(await manager.getAccessToken()).toBe('access-0');
  expect((await manager.getTokens())?.refreshToken).toBe('refresh-0');
});

test('8707-03: nor does it keep others from refreshing', async () => {
  const { server, manager, call } = await openManager();
  const failure = await rejection(manager.getAccessToken({ resource: 'https://unknown.test/' }));
  expect(failure).toMatchObject({ error: 'invalid_target' });
  server.expire();
  expect(await call()).toBe(200);
  expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
});
