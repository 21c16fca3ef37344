/** The ID token is checked once the tokens are safe: whatever is wrong with it, they are there. */
import { inspect } from 'node:util';
import { TokenManager } from 'tokenkeep';
import { completeLogin, startLogin } from 'tokenkeep/login';
import { expect, test } from 'vitest';
import { answered, as, granting, idToken, redirectUri, scene } from './support/server.ts';

type Change = Record<string, unknown>;

/** A login whose ID token has other claims than it should have. */
async function loggedIn(change: Change = {}, request: object = {}, authorizationServer: object = as) {
  let nonce: string | undefined;
  const { client, clock } = scene({
    [as.tokenEndpoint]: (sent, count) => {
      const now = Math.floor(clock.now() / 1000);
      const claims = { iss: as.issuer, sub: 'ada', aud: 'app', exp: now + 300, nonce, ...change };
      return granting({ id_token: idToken(claims) })(sent, count);
    },
  });
  const options = { ...client, authorizationServer: authorizationServer as typeof as, pending: new Map() };
  const { url } = await startLogin({ ...options, redirectUri, scope: ['openid'], ...request });
  nonce = new URL(url).searchParams.get('nonce') ?? undefined;
  const login = await completeLogin(options, answered(url, { iss: undefined }));
  return { login, client, clock, seconds: Math.floor(clock.now() / 1000) };
}

const lax = { ...as, metadata: {} };

test('a valid one identifies the user', async () => {
  const { login } = await loggedIn({ email: 'ada@example.com' }, {}, lax);
  expect(login.idTokenClaims()).toMatchObject({ sub: 'ada', email: 'ada@example.com' });
});

test('several audiences are good when the token was issued to this client', async () => {
  const { login } = await loggedIn({ aud: ['app', 'api'], azp: 'app' }, {}, lax);
  expect(login.idTokenClaims()?.sub).toBe('ada');
});

/** Changes that make the ID token one of another login: the user that it names may not own the tokens. */
const foreign: [string, Change][] = [
  ['another issuer', { iss: 'https://as.test/' }],
  ['no issuer', { iss: undefined }],
  ['another audience', { aud: 'other' }],
  ['audiences without this client', { aud: ['other', 'api'] }],
  ['several audiences and no azp', { aud: ['app', 'api'] }],
  ['an azp that is another client', { azp: 'other' }],
  ['no user', { sub: '' }],
  ['another nonce', { nonce: 'replayed' }],
  ['no nonce', { nonce: undefined }],
];

test.each(foreign)(
  'with %s it names no user: no call continues because of it (law one-login)',
  async (_, change) => {
    const { login, client } = await loggedIn(change, {}, lax);
    expect(login.tokens.idToken).toBeUndefined();
    const manager = new TokenManager({ ...client, protectedResources: ['https://api.test/'] });
    await manager.setTokens(login.tokens);
    expect((await manager.getTokens())?.subject).toBeUndefined();
  },
);

test('one that has expired, or of an unknown issuer, names its user', async () => {
  const { issuer: _, ...anonymous } = lax;
  for (const [change, server] of [
    [{ exp: 1 }, lax],
    [{}, anonymous],
  ] as const) {
    const { login } = await loggedIn(change, {}, server);
    expect(login.tokens.idToken).toMatch(/^eyJ/);
  }
});

test.each<[string, Change, object?]>([
  ...foreign,
  ['an end in the past', { exp: 1 }],
  ['no end', { exp: undefined }],
  ['a login that is older than max_age', { auth_time: 1 }, { parameters: { max_age: '60' } }],
  ['no time of the login, though max_age was asked for', {}, { parameters: { max_age: '60' } }],
])('with %s it is refused, and the refresh token is not lost', async (_name, change, request) => {
  const { login, client } = await loggedIn(change, request, lax);
  const manager = new TokenManager({ ...client, protectedResources: ['https://api.test/'] });
  await manager.setTokens(login.tokens);
  expect((await manager.getTokens())?.refreshToken).toBe('refresh-1');
  const error = failureOf(() => login.idTokenClaims());
  expect(error).toMatchObject({ code: 'ERR_LOGIN_FAILED', reason: 'id_token' });
  expect(inspect(error)).not.toMatch(/refresh-1|access-1|eyJ/);
});

test('a login as recent as max_age asks is good', async () => {
  const { seconds } = await loggedIn({}, {}, lax);
  const { login } = await loggedIn({ auth_time: seconds - 60 }, { parameters: { max_age: '60' } }, lax);
  expect(login.idTokenClaims()?.sub).toBe('ada');
});

test.each(['rubbish', 'a.b.c', `a.${Buffer.from('null').toString('base64url')}.c`])(
  'an unreadable one is refused without being repeated: %s',
  async (text) => {
    const { client } = scene({ [as.tokenEndpoint]: granting({ id_token: text }) });
    const options = { ...client, pending: new Map<string, string>() };
    const { url } = await startLogin({ ...options, redirectUri });
    const login = await completeLogin(options, answered(url));
    const error = failureOf(() => login.idTokenClaims());
    expect(error).toMatchObject({ reason: 'id_token' });
    expect(error).not.toHaveProperty('cause');
    expect(login.tokens.refreshToken).toBe('refresh-1');
  },
);

test('none came: good where none was asked for, not where one was', async () => {
  const { client } = scene();
  const options = { ...client, pending: new Map<string, string>() };
  const begin = (scope: string[]) => startLogin({ ...options, redirectUri, scope });
  const without = await completeLogin(options, answered((await begin(['read'])).url));
  expect(without.idTokenClaims()).toBeUndefined();
  const missing = await completeLogin(options, answered((await begin(['openid'])).url));
  expect(failureOf(() => missing.idTokenClaims())).toMatchObject({ reason: 'id_token' });
});

test('without a known issuer nothing is believed', async () => {
  const { issuer: _, ...anonymous } = lax;
  const { login } = await loggedIn({}, {}, anonymous);
  expect(failureOf(() => login.idTokenClaims())).toMatchObject({ reason: 'id_token' });
});

function failureOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('It was to throw.');
}
