/** The recipe for step-ups, against the strict server over HTTP. */
import { completeLogin, type LoginRequest, startLogin } from 'tokenkeep/login';
import { expect, test, vi } from 'vitest';
import { type SteppingUp, steppingUp } from '../../examples/step-up/stepping-up.ts';
import type { TestAuthorizationServer } from '../../src/testing/index.ts';
import { rejection, times } from '../support/promises.ts';
import { oneRefresh, type Stage, stage } from './support/stage.ts';

const scope = ['openid', 'read', 'write'];

/** A `fetch` that steps up, and how often the user has signed in for it. */
function play({ manager, metadata }: Stage, change: Partial<SteppingUp<LoginRequest>> = {}) {
  const client = { clientId: 'test-client', authorizationServer: metadata };
  const logIn = vi.fn(async (options: LoginRequest) => {
    const pending = new Map<string, string>();
    const { url } = await startLogin({
      ...options,
      ...client,
      pending,
      redirectUri: 'https://app.test/back',
    });
    const { headers } = await fetch(url, { redirect: 'manual' });
    return completeLogin({ ...client, pending }, headers.get('location') ?? '');
  });
  return { logIn, call: steppingUp(manager, { options: { scope }, logIn, agrees: () => true, ...change }) };
}

const demandGold = (server: TestAuthorizationServer) =>
  server.demand({ path: '/payments', acrValues: ['gold'], maxAge: 300 });

test('20 calls that need more: one login, and all succeed; the others go on meanwhile; one refresh after an expiry', async () => {
  await using world = await stage();
  const { call, logIn } = play(world);
  demandGold(world.server);
  const pay = () => call(`${world.apiUrl}/payments`, { method: 'POST', body: '12' });
  const others = times(5, () => call(`${world.apiUrl}/orders`));
  const answers = await Promise.all([...times(20, pay), ...others]);
  expect(answers.map(({ status }) => status)).toEqual(times(25, () => 200));
  world.server.expire();
  expect((await Promise.all(times(20, pay))).map(({ status }) => status)).toEqual(times(20, () => 200));
  expect(logIn.mock.calls).toEqual([[{ scope, parameters: { acr_values: 'gold', max_age: '300' } }]]);
  expect(world.server.counts).toMatchObject({ ...oneRefresh, signIns: 2 });
});

test('a user who does not agree gets the answer of the API, and the session is kept', async () => {
  await using world = await stage();
  const { call, logIn } = play(world, { agrees: ({ acrValues }) => acrValues === undefined });
  demandGold(world.server);
  expect((await call(`${world.apiUrl}/payments`)).status).toBe(401);
  expect((await call(`${world.apiUrl}/orders`)).status).toBe(200);
  expect(logIn).not.toHaveBeenCalled();
});

test('a login that comes to nothing is its error, and the next call asks again', async () => {
  await using world = await stage();
  const logIn = vi.fn(() => Promise.reject(new Error('the window was closed')));
  const { call } = play(world, { logIn });
  demandGold(world.server);
  for (const _ of [1, 2]) {
    expect((await rejection(call(`${world.apiUrl}/payments`))).message).toBe('the window was closed');
  }
  expect(logIn).toHaveBeenCalledTimes(2);
  expect((await call(`${world.apiUrl}/orders`)).status).toBe(200);
});

test('a 403 that asks for nothing is the answer, and so is a second one that asks again', async () => {
  await using world = await stage();
  const { call, logIn } = play(world);
  world.server.fail({ response: { status: 403 } }, { on: 'api' });
  expect((await call(`${world.apiUrl}/orders`)).status).toBe(403);
  expect(logIn).not.toHaveBeenCalled();
  world.server.demand({ path: '/vault', claims: { acrs: 'c1' }, scope: ['vault'] });
  expect((await call(`${world.apiUrl}/vault`)).status).toBe(403); // the claims are given, and now it is the scope
  expect((await call(`${world.apiUrl}/vault`)).status).toBe(401); // … which the usual claims do not bring along
  expect(logIn).toHaveBeenCalledTimes(2);
});
