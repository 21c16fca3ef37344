/** Behaviour of only one provider. */
import type { TokenResponse } from 'tokenkeep';
import { describe, expect, test } from 'vitest';
import { rejection, times } from '../../support/promises.ts';
import { entra, google, linear, salesforce, slack, twitch } from './fixtures/all.ts';
import { clientOf, signedIn } from './support/scene.ts';

const json = (status: number, members: object) => ({
  response: { status, body: JSON.stringify(members), headers: { 'content-type': 'application/json' } },
});

describe('Slack', () => {
  const { isInvalidToken = () => false } = slack.provider.profile ?? {};
  const ask = (body: BodyInit | null, contentType: string | undefined = 'application/json; charset=utf-8') =>
    isInvalidToken(
      new Response(body, { headers: contentType === '' ? {} : { 'content-type': contentType } }),
    );

  test.each(['token_expired', 'token_revoked', 'invalid_auth'])(
    'a 200 with %s rejects the token',
    async (error) => {
      expect(await ask(JSON.stringify({ ok: false, error }))).toBe(true);
    },
  );

  test.each([
    '{"ok":true}',
    '{"ok":false,"error":"missing_scope"}',
    '{"ok":true,"error":"token_expired"}',
    '{"error":"token_expired"}',
    '["token_expired"]',
    'null',
    'no JSON',
    '',
  ])('%s does not', async (body) => {
    expect(await ask(body)).toBe(false);
  });

  test('a file is not read, whatever is in it', async () => {
    const file = new Response('{"ok":false,"error":"token_expired"}', {
      headers: { 'content-type': 'image/png' },
    });
    expect(await isInvalidToken(file)).toBe(false);
    expect(file.bodyUsed).toBe(false);
    expect(await ask('{"ok":false,"error":"token_expired"}', '')).toBe(false);
  });

  test.each(['ratelimited', 'request_timeout', 'service_unavailable'])(
    'a 200 with %s is trouble of a moment: the session is kept, and a second later it is tried again',
    async (error) => {
      const { server, clock, ends, call } = await signedIn(slack);
      server.expire();
      server.fail(json(200, { ok: false, error }));
      expect(await rejection(call())).toMatchObject({ code: 'ERR_REFRESH_FAILED', error, status: 200 });
      await clock.advance(1_000);
      expect(await call()).toBe(200);
      expect(ends).toEqual([]);
    },
  );

  test('a scope that is missing refreshes nothing', async () => {
    const { server, manager } = await signedIn(slack);
    server.fail(json(200, { ok: false, error: 'missing_scope', needed: 'chat:write' }), { on: 'api' });
    const response = await manager.fetch('https://slack.com/api/chat.postMessage', { method: 'POST' });
    expect(await response.json()).toMatchObject({ error: 'missing_scope' });
    expect(server.counts.tokenRequests).toBe(0);
  });

  test('the tokens of the bot and of the user are two chains, and two sessions', async () => {
    const { server, manager } = await clientOf(slack);
    const user = { ...server.signIn(), token_type: 'user' };
    const answer: TokenResponse = { ...server.signIn(), authed_user: user };
    await manager.setTokens(answer);
    const ofUser = manager.forSession('user');
    await ofUser.setTokens(answer['authed_user'] as TokenResponse);
    for (const _ of times(2, Number)) {
      server.expire();
      const calls = [manager, ofUser].map((one) => one.fetch('https://slack.com/api/auth.test'));
      expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([200, 200]);
    }
    expect(server.counts).toMatchObject({ refreshes: 4, reuses: 0, peakConcurrentRefreshes: 1 });
    const [bot, own] = await Promise.all([manager.getTokens(), ofUser.getTokens()]);
    expect(bot?.refreshToken).not.toBe(own?.refreshToken);
  });
});

test('Microsoft Entra ID: the claims that a login has to ask for come with the error, and the session is kept', async () => {
  const { server, manager, clock, ends, call } = await signedIn(entra);
  const claims = '{"access_token":{"polids":{"essential":true,"values":["9ab03e19-ed42"]}}}';
  const refused = {
    error: 'interaction_required',
    error_description: 'AADSTS50076: Due to a configuration change you must use multi-factor authentication.',
    error_codes: [50_076],
    suberror: 'basic_action',
    claims,
  };
  server.expire();
  server.fail(json(400, refused));
  expect(await rejection(call())).toMatchObject({
    ...{ code: 'ERR_LOGIN_REQUIRED', reason: 'interaction_required' },
    details: { claims, suberror: 'basic_action', error_codes: [50_076] },
  });
  expect(ends).toEqual([]);
  expect((await manager.getTokens())?.refreshToken).toBe(server.currentRefreshToken());
  await clock.advance(30_000);
  expect(await call()).toBe(200);
});

test('Google: a policy that wants a new sign-in ends no session', async () => {
  const { server, ends, call } = await signedIn(google);
  server.expire();
  server.fail(
    json(400, {
      error: 'invalid_grant',
      error_description: 'reauth related error (invalid_rapt)',
      error_subtype: 'invalid_rapt',
    }),
  );
  expect(await rejection(call())).toMatchObject({
    reason: 'interaction_required',
    details: { error_subtype: 'invalid_rapt' },
  });
  expect(ends).toEqual([]);
});

test('Salesforce: where its APIs are stays known, and two refreshes at once end no session', async () => {
  const { server, clock, manager, ends, call } = await signedIn(salesforce);
  server.expire();
  server.fail(
    json(400, { error: 'invalid_grant', error_description: 'token request is already being processed' }),
  );
  expect(await rejection(call())).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: false });
  await clock.advance(1_000);
  expect(await call()).toBe(200);
  expect(ends).toEqual([]);
  expect((await manager.getTokens())?.extra).toMatchObject({
    instance_url: 'https://acme.my.salesforce.com',
  });
});

test('Twitch: 60 days are no storm, and a 401 for a missing scope is not refreshed again and again', async () => {
  const { server, clock, manager } = await signedIn(twitch);
  await clock.advance(59 * 86_400_000);
  const url = 'https://api.twitch.tv/helix/polls';
  server.fail(twitchRejects, { on: 'api', times: 10 });
  for (const _ of times(5, Number)) expect((await manager.fetch(url)).status).toBe(401);
  expect(server.counts).toMatchObject({ refreshes: 1 });
});
const twitchRejects = json(401, {
  error: 'Unauthorized',
  status: 401,
  message: 'Missing scope: channel:read:polls',
});

test('a provider whose API stands beside its token endpoint keeps refresh tokens from the API', async () => {
  const { server, manager, sent } = await signedIn({ ...linear, resource: 'https://api.linear.app/' });
  server.expire();
  expect((await manager.fetch('https://api.linear.app/graphql', { method: 'POST', body: '{}' })).status).toBe(
    200,
  );
  expect(server.counts).toMatchObject({ refreshes: 1, refreshTokensLeaked: 0 });
  expect(sent.map(({ url, headers }) => [url.split('/').at(-1), headers.has('authorization')])).toEqual([
    ['graphql', true],
    ['token', false],
    ['graphql', true],
  ]);
});
