/** Answers that are not the one that was waited for. In none of these cases does anything reach a token endpoint. */
import { inspect } from 'node:util';
import { completeLogin, startLogin } from 'tokenkeep/login';
import { describe, expect, test } from 'vitest';
import { rejection } from '../../support/promises.ts';
import { answered, as, redirectUri, scene } from './support/server.ts';

async function started(change: object = {}) {
  const { client, net, clock } = scene();
  const pending = new Map<string, string>();
  const options = { ...client, pending, ...change };
  const { url, state } = await startLogin({ ...options, redirectUri, scope: ['openid'] });
  return { client, net, clock, options, pending, url, state };
}

describe('nothing is sent anywhere', () => {
  const cases: [string, (url: string) => string | URL][] = [
    ['a state of nobody', (url) => answered(url, { state: 'A'.repeat(43) })],
    ['no state', (url) => new URL(answered(url).href.replace(/&?state=[^&]+/, ''))],
    ['two states', (url) => `${answered(url)}&state=x`],
    ['two codes', (url) => `${answered(url)}&code=other`],
    ['no code', (url) => new URL(answered(url).href.replace(/code=[^&]+&/, ''))],
    ['another issuer (9207-01)', (url) => answered(url, { iss: 'https://evil.test' })],
    ['an issuer that is nearly the same (9207-01)', (url) => answered(url, { iss: 'https://as.test/' })],
    ['no issuer, though one was promised (9207-01)', (url) => answered(url, { iss: '' })],
    ['two issuers (9207-01)', (url) => `${answered(url)}&iss=${encodeURIComponent(as.issuer)}`],
    ['another path', (url) => answered(url).href.replace('/callback', '/elsewhere')],
    ['another origin', (url) => answered(url).href.replace('app.test', 'evil.test')],
    ['an error of a login that nobody began', () => `${redirectUri}?error=access_denied&state=x`],
  ];

  test.each(cases)('for %s', async (_name, answer) => {
    const { net, options, url } = await started();
    expect(await rejection(completeLogin(options, answer(url)))).toMatchObject({
      code: 'ERR_LOGIN_FAILED',
      reason: 'invalid_response',
      error: undefined,
    });
    expect(net.sent).toEqual([]);
  });

  test('for an answer that comes twice, one after the other or at the same time', async () => {
    const { net, options, url } = await started();
    const answers = await Promise.allSettled([1, 2, 3].map(() => completeLogin(options, answered(url))));
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(await rejection(completeLogin(options, answered(url)))).toMatchObject({
      reason: 'invalid_response',
    });
    expect(net.sent.length).toBe(1);
  });

  test('for an answer that comes too late', async () => {
    const { net, options, url, clock } = await started();
    await clock.advance(600_000);
    expect(await rejection(completeLogin(options, answered(url)))).toMatchObject({ reason: 'timed_out' });
    expect(net.sent).toEqual([]);
  });

  test('for a login that another client began, or that was begun at another server (8252-05)', async () => {
    const evil = { ...as, issuer: 'https://evil.test', tokenEndpoint: 'https://evil.test/token' };
    for (const change of [{ clientId: 'other' }, { authorizationServer: evil }]) {
      const { net, options, url } = await started();
      const iss = change.authorizationServer?.issuer ?? as.issuer;
      const failing = completeLogin({ ...options, ...change }, answered(url, { iss }));
      expect(await rejection(failing)).toMatchObject({ reason: 'invalid_response' });
      expect(net.sent).toEqual([]);
    }
  });

  test('for a waiting login that someone has tampered with', async () => {
    for (const text of ['{', 'null', '{"verifier":1}']) {
      const { net, options, pending, url, state } = await started();
      pending.set(`tokenkeep.login.${state}`, text);
      expect(await rejection(completeLogin(options, answered(url)))).toMatchObject({
        reason: 'invalid_response',
      });
      expect(net.sent).toEqual([]);
    }
  });

  test('where the server says who it is, and nobody configured who it should be', async () => {
    const { issuer: _, ...anonymous } = as;
    const { net, options, url } = await started({ authorizationServer: anonymous });
    expect(await rejection(completeLogin(options, answered(url)))).toMatchObject({
      code: 'ERR_CONFIGURATION',
    });
    expect(net.sent).toEqual([]);
  });
});

test('a server that promises no iss may send none', async () => {
  const { options, url } = await started({ authorizationServer: { ...as, metadata: {} } });
  expect((await completeLogin(options, answered(url, { iss: '' }))).tokens.accessToken).toBe('access-1');
});

test('an error of the server is a typed error; what it says is text, without secrets and in one line', async () => {
  const { net, options, url, state } = await started();
  const script = `<script>alert(1)</script>\r\n\u0000${state} ${'long '.repeat(100)}`;
  const answer = answered(url, { code: '', error: 'access_denied', error_description: script });
  const error = await rejection(completeLogin(options, answer));
  expect(error).toMatchObject({ code: 'ERR_LOGIN_FAILED', reason: 'refused', error: 'access_denied' });
  expect(error.description).toMatch(/^<script>alert\(1\)<\/script> \[redacted\] long /);
  expect(error.description).not.toMatch(/[\r\n\0]/);
  expect(String(error.description).length).toBeLessThanOrEqual(200);
  expect(error.message).not.toContain('script');
  expect(inspect(error)).not.toContain(state);
  expect(net.sent).toEqual([]);
});

test('an error that is a sentence or markup is no code', async () => {
  const { options, url } = await started();
  const answer = answered(url, { code: '', error: '<b>you lost</b>' });
  expect(await rejection(completeLogin(options, answer))).toMatchObject({
    reason: 'refused',
    error: undefined,
  });
});

describe('the token endpoint', () => {
  const refusing = async (place: () => Response | Promise<Response>) => {
    const { client, net } = scene({ [as.tokenEndpoint]: place });
    const options = { ...client, pending: new Map<string, string>() };
    const { url } = await startLogin({ ...options, redirectUri });
    const error = await rejection(completeLogin(options, answered(url, {}, 'a-code-of-another')));
    return { error, net };
  };

  test('refuses a code that was issued to another client, and reports it without the code', async () => {
    const { error } = await refusing(() =>
      Response.json(
        { error: 'invalid_grant', error_description: 'a-code-of-another is used' },
        { status: 400 },
      ),
    );
    expect(error).toMatchObject({
      reason: 'refused',
      error: 'invalid_grant',
      description: '[redacted] is used',
    });
    expect(inspect(error)).not.toContain('a-code-of-another');
  });

  test.each<[string, () => Response | Promise<Response>]>([
    ['says nothing', () => new Response('<html>')],
    ['sends a megabyte', () => new Response('x'.repeat(1_100_000))],
    ['breaks off', () => Promise.reject(new TypeError('failed with a-code-of-another'))],
  ])('%s: the code is neither sent again nor reported', async (_name, place) => {
    const { error, net } = await refusing(place);
    expect(error).toMatchObject({ code: 'ERR_LOGIN_FAILED', reason: 'no_response' });
    expect(inspect(error)).not.toContain('a-code-of-another');
    expect(net.sent.length).toBe(1);
  });

  test('redirects: the code goes nowhere else', async () => {
    const { error, net } = await refusing(
      () => new Response(null, { status: 307, headers: { location: 'https://evil.test/' } }),
    );
    expect(error).toMatchObject({ reason: 'refused' });
    expect(net.sent.map(({ url }) => url)).toEqual([as.tokenEndpoint]);
  });

  test('never answers: the wait has an end', async () => {
    const { client, clock } = scene({ [as.tokenEndpoint]: () => new Promise(() => undefined) });
    const options = { ...client, pending: new Map<string, string>() };
    const { url } = await startLogin({ ...options, redirectUri });
    const failing = rejection(completeLogin(options, answered(url)));
    await clock.advance(30_000);
    expect(await failing).toMatchObject({ reason: 'no_response' });
    expect(clock.timers).toBe(0);
  });
});
