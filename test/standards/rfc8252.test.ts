/** Native apps. */
import { expect, test } from 'vitest';
import { rejection } from '../support/promises.ts';
import { wire } from '../support/wire.ts';
import { api, as, client, refresh, refusing } from './support/client.ts';

test('8252-01: when a login is needed the application gets an error, and nothing is opened', async () => {
  const authorizationServer = { ...as, authorizationEndpoint: 'https://as.test/authorize' };
  const net = wire({ [as.tokenEndpoint]: refusing('invalid_grant') });
  const manager = await client(net, { authorizationServer });
  const told: string[] = [];
  manager.on('sessionEnded', ({ error }) => told.push(error.reason));
  expect(await rejection(refresh(manager))).toMatchObject({ code: 'ERR_LOGIN_REQUIRED' });
  expect(await rejection(manager.fetch(api))).toMatchObject({ code: 'ERR_LOGIN_REQUIRED' });
  expect(told).toEqual(['invalid_grant']);
  expect(net.sent.map(({ url }) => url)).toEqual([as.tokenEndpoint]);
});
