/** A device polls for its tokens, by a clock that the test moves (RFC 8628). */
import { spawnSync } from 'node:child_process';
import { inspect } from 'node:util';
import { tlsClientAuth } from 'tokenkeep/client-authentication';
import { type DevicePrompt, deviceLogin } from 'tokenkeep/login';
import { describe, expect, test } from 'vitest';
import { rejection } from '../../support/promises.ts';
import type { Place } from '../../support/wire.ts';
import { as, granting, scene } from './support/server.ts';

const device = {
  device_code: 'device-secret',
  user_code: 'WDJB-MJHT',
  verification_uri: 'https://as.test/enter',
  verification_uri_complete: 'https://as.test/enter?user_code=WDJB-MJHT',
  expires_in: 300,
};
const pending = () => Response.json({ error: 'authorization_pending' }, { status: 400 });
const refusing = (error: string) => () => Response.json({ error }, { status: 400 });
const failing = () => Promise.reject(new TypeError('fetch failed'));

/** A login that has begun, on a server that gives these answers, one after the other; times in seconds. */
function begin(answers: readonly (() => Response | Promise<Response>)[], members: object = {}, more = {}) {
  const polls: number[] = [];
  const prompts: DevicePrompt[] = [];
  const token: Place = (sent, count) => {
    polls.push((clock.now() - start) / 1000);
    return (answers[count - 1] ?? (() => granting()(sent, 1) as Response))();
  };
  const { client, clock, net } = scene({
    [as.tokenEndpoint]: token,
    [as.deviceAuthorizationEndpoint]: () => Response.json({ ...device, ...members }),
  });
  const start = clock.now();
  const login = deviceLogin({
    ...client,
    scope: ['read'],
    onPrompt: (prompt) => void prompts.push(prompt),
    ...more,
  });
  login.catch(() => undefined);
  return { login, polls, prompts, clock, net, start };
}

test('shows the user where to go and which code to enter, and gets the tokens', async () => {
  const { login, prompts, clock, net, start } = begin([pending]);
  await clock.advance(60_000);
  expect((await login).tokens).toMatchObject({
    accessToken: 'access-1',
    refreshToken: 'refresh-1',
    scope: ['read'],
  });
  expect(prompts).toEqual([
    {
      verificationUri: device.verification_uri,
      verificationUriComplete: device.verification_uri_complete,
      userCode: device.user_code,
      expiresAt: start + 300_000,
    },
  ]);
  expect(net.sent.map(({ form }) => Object.fromEntries(form))).toEqual([
    { client_id: 'app', scope: 'read' },
    ...Array.from({ length: 2 }, () => ({
      client_id: 'app',
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: 'device-secret',
    })),
  ]);
  expect(clock.timers).toBe(0);
});

describe('asks no faster than the server allows', () => {
  const slowDown = refusing('slow_down');
  const busy = () =>
    Response.json({ error: 'server_error' }, { status: 503, headers: { 'retry-after': '40' } });
  test.each([
    ['every 5 s where it says nothing', [pending, pending], {}, [5, 10, 15]],
    ['in its interval', [pending, pending], { interval: 2 }, [2, 4, 6]],
    ['never more than once a second, whatever it says', [pending, pending], { interval: 0.01 }, [1, 2, 3]],
    ['in an interval that came as text', [pending], { interval: '7' }, [7, 14]],
    ['in 5 s for an interval that makes no sense', [pending], { interval: -1 }, [5, 10]],
    ['5 s slower for good after slow_down', [slowDown, pending, slowDown], {}, [5, 15, 25, 40]],
    ['ever more slowly while the connection fails', [failing, failing, pending], {}, [5, 15, 35, 40]],
    ['after Retry-After of a server in trouble', [busy, pending], {}, [5, 45, 50]],
  ])('%s (8628-01, 8628-02)', async (_name, answers, members, times) => {
    const { login, polls, clock } = begin(answers, members);
    await clock.advance(200_000);
    await login;
    expect(polls).toEqual(times);
  });

  test('at most once a minute less often while the connection fails', async () => {
    const { login, polls, clock } = begin(
      Array.from({ length: 7 }, () => failing),
      { expires_in: 900 },
    );
    await clock.advance(900_000);
    await login;
    expect(polls).toEqual([5, 15, 35, 75, 135, 195, 255, 315]);
  });
});

describe('ends', () => {
  test.each([
    ['access_denied', 'access_denied', { reason: 'refused', error: 'access_denied' }],
    ['expired_token', 'expired_token', { reason: 'timed_out', error: 'expired_token' }],
    ['a code that it does not know', 'invalid_grant', { reason: 'refused', error: 'invalid_grant' }],
  ])('when the server says %s (8628-03)', async (_name, error, expected) => {
    const { login, polls, clock } = begin([pending, refusing(error)]);
    await clock.advance(300_000);
    const told = await rejection(login);
    expect(told).toMatchObject({ code: 'ERR_LOGIN_FAILED', ...expected });
    expect(inspect(told)).not.toContain('device-secret');
    expect(polls).toEqual([5, 10]);
    expect(clock.timers).toBe(0);
  });

  test('when the code has expired, without another request', async () => {
    const { login, polls, clock } = begin(
      Array.from({ length: 9 }, () => pending),
      { expires_in: 12 },
    );
    await clock.advance(12_000);
    expect(await rejection(login)).toMatchObject({ reason: 'timed_out' });
    expect(polls).toEqual([5, 10]);
    expect(clock.timers).toBe(0);
  });

  test('when the application aborts, with its reason', async () => {
    const controller = new AbortController();
    const { login, polls, clock } = begin([pending, pending], {}, { signal: controller.signal });
    await clock.advance(6_000);
    controller.abort(new Error('enough'));
    await expect(login).rejects.toThrow('enough');
    await clock.advance(60_000);
    expect(polls).toEqual([5]);
    expect(clock.timers).toBe(0);
  });

  test('when the prompt throws', async () => {
    const onPrompt = () => Promise.reject(new Error('no display'));
    const { login, polls, clock } = begin([], {}, { onPrompt });
    await clock.advance(60_000);
    await expect(login).rejects.toThrow('no display');
    expect(polls).toEqual([]);
  });

  test('not in the middle of a request whose answer holds tokens', async () => {
    const controller = new AbortController();
    const answer = Promise.withResolvers<Response>();
    const { login, clock } = begin([() => answer.promise], {}, { signal: controller.signal });
    await clock.advance(5_000);
    controller.abort();
    answer.resolve(Response.json({ access_token: 'a', refresh_token: 'r' }));
    expect((await login).tokens.refreshToken).toBe('r');
  });
});

test('without a clock of the application the wait keeps the process alive', () => {
  const program = `
    import { deviceLogin } from '${new URL('../../../src/login/index.ts', import.meta.url)}';
    const device = ${JSON.stringify({ ...device, interval: 0.01 })};
    const { tokens } = await deviceLogin({
      clientId: 'app',
      authorizationServer: ${JSON.stringify(as)},
      fetch: async (url) => Response.json(url.endsWith('/device') ? device : { access_token: 'a' }),
      onPrompt: () => undefined,
    });
    console.log(tokens.accessToken);
  `;
  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  });
  expect({ stdout, status }).toEqual({ stdout: 'a\n', status: 0 });
});

describe('does not begin', () => {
  test.each<[string, object, string]>([
    ['without a code', { device_code: '' }, 'invalid_response'],
    ['without a place to go', { verification_uri: undefined }, 'invalid_response'],
    ['with a place that is a program', { verification_uri: 'javascript:alert(1)' }, 'invalid_response'],
    [
      'with a complete place that is a file',
      { verification_uri_complete: 'file:///etc/passwd' },
      'invalid_response',
    ],
    ['with a code that steers a terminal', { user_code: 'AB\u001b[2J' }, 'invalid_response'],
    ['with a code of two lines', { user_code: 'AB\nEnter it at https://evil.test' }, 'invalid_response'],
    ['with a code that reads backwards', { user_code: 'AB\u202eCD' }, 'invalid_response'],
    ['with a code that nobody can enter', { user_code: 'A'.repeat(101) }, 'invalid_response'],
    [
      'with a place that steers a terminal',
      { verification_uri: 'https://as.test/\u001b[2J' },
      'invalid_response',
    ],
    [
      'with a complete place of two lines',
      { verification_uri_complete: 'https://as.test/\nhttps://evil.test/' },
      'invalid_response',
    ],
    ['with a refusal', { error: 'unauthorized_client' }, 'refused'],
  ])('%s', async (_name, members, reason) => {
    const { login, prompts, clock } = begin([], members);
    await clock.advance(60_000);
    expect(await rejection(login)).toMatchObject({ code: 'ERR_LOGIN_FAILED', reason });
    expect(prompts).toEqual([]);
  });

  test.each<[string, Place]>([
    ['a page', () => new Response('<html>')],
    ['nothing', failing],
  ])('when the server answers %s', async (_name, place) => {
    const { client } = scene({ [as.deviceAuthorizationEndpoint]: place });
    const login = deviceLogin({ ...client, onPrompt: () => undefined });
    expect(await rejection(login)).toMatchObject({ reason: 'no_response' });
  });

  test('where no endpoint is known; the one of the metadata will do, under Google’s name of the place too', async () => {
    const { client, clock } = scene({
      [as.deviceAuthorizationEndpoint]: () =>
        Response.json({ ...device, verification_uri: undefined, verification_url: 'https://as.test/g' }),
    });
    const { deviceAuthorizationEndpoint, ...without } = as;
    const prompts: DevicePrompt[] = [];
    const begun = (authorizationServer: object) =>
      deviceLogin({
        ...client,
        authorizationServer: authorizationServer as typeof as,
        onPrompt: (prompt) => void prompts.push(prompt),
      });
    expect(await rejection(begun(without))).toMatchObject({ code: 'ERR_CONFIGURATION' });
    const metadata = { device_authorization_endpoint: deviceAuthorizationEndpoint };
    const login = begun({ ...without, metadata });
    await clock.advance(10_000);
    expect((await login).tokens.accessToken).toBe('access-1');
    expect(prompts.map(({ verificationUri }) => verificationUri)).toEqual(['https://as.test/g']);
  });
});

test('8705-03: a device with a certificate asks at the alias, for its code and for its tokens', async () => {
  const aliases = {
    tokenEndpoint: 'https://mtls.as.test/token',
    deviceAuthorizationEndpoint: 'https://mtls.as.test/device',
  };
  const { client, clock, net } = scene({
    [aliases.deviceAuthorizationEndpoint]: () => Response.json(device),
    [aliases.tokenEndpoint]: granting(),
  });
  const login = deviceLogin({
    ...client,
    authorizationServer: { ...as, mtlsEndpointAliases: aliases },
    clientAuthentication: tlsClientAuth(),
    onPrompt: () => undefined,
  });
  await clock.advance(10_000);
  expect((await login).tokens.accessToken).toBe('access-1');
  expect(net.sent.map(({ url }) => url)).toEqual([
    aliases.deviceAuthorizationEndpoint,
    aliases.tokenEndpoint,
  ]);
});
