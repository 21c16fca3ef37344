/** A profile declares what a dead grant looks like at its server: `profile.classify(response)`. */
import { type FailureClass, type ProviderProfile, type TokenErrorResponse, TokenManager } from 'tokenkeep';
import { type Fault, faults } from 'tokenkeep/testing';
import { expect, test } from 'vitest';
import { explained } from '../../support/explained.ts';
import { openManager } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';

type Classify = NonNullable<ProviderProfile['classify']>;

const tokenEndpoint = 'https://as.test/token';
const answered = (status: number, body: string): Fault => ({
  response: { status, body, headers: { 'content-type': 'text/x-refusal' } },
});

/** A refresh that fails with this fault, at a server whose profile has this `classify()`. */
async function refused(fault: Fault, classify: Classify) {
  const world = await openManager({
    manager: { authorizationServer: { tokenEndpoint, profile: { classify } } },
  });
  world.expire();
  world.server.fail(fault);
  return { ...world, error: await rejection(world.manager.getAccessToken()) };
}

test.each<[string, Fault, TokenErrorResponse]>([
  [
    'an empty body',
    answered(400, ''),
    { status: 400, body: undefined, error: undefined, contentType: 'text/x-refusal' },
  ],
  [
    'a nested error object',
    answered(404, '{"error":{"code":"dead"}}'),
    { status: 404, body: { error: { code: 'dead' } }, error: undefined, contentType: 'text/x-refusal' },
  ],
  [
    'an unknown code and a status that is the server’s own',
    answered(500, '{"error":"token_gone"}'),
    { status: 500, body: { error: 'token_gone' }, error: 'token_gone', contentType: 'text/x-refusal' },
  ],
])('classify() gets %s as data, and its invalid-grant ends the session', async (_what, fault, response) => {
  const seen: TokenErrorResponse[] = [];
  const { error, types, record } = await refused(fault, (one) => {
    seen.push(one);
    return 'invalid-grant';
  });
  expect(seen).toEqual([response]);
  expect(error).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'invalid_grant' });
  expect(types()).toEqual(['sessionEnded']);
  expect(await record()).toBeUndefined();
});

test.each<[FailureClass | undefined, object]>([
  ['interaction-required', { code: 'ERR_LOGIN_REQUIRED', reason: 'interaction_required' }],
  ['transient', { code: 'ERR_REFRESH_FAILED', isRetryable: true }],
  ['client', { code: 'ERR_REFRESH_FAILED', isRetryable: false }],
  [undefined, { code: 'ERR_LOGIN_REQUIRED', reason: 'invalid_grant' }],
])('classify() comes before the standard codes: %s for invalid_grant', async (meaning, expected) => {
  const { error } = await refused(faults.oauthError('invalid_grant'), () => meaning);
  expect(error).toMatchObject(expected);
});

test.each([408, 425, 429, 502, 503, 504])(
  'law only-the-server-ends-it: classify() is not asked about a %i',
  async (status) => {
    const { error, types } = await refused(faults.oauthError('invalid_grant', status), () => 'invalid-grant');
    expect(error).toMatchObject({ code: 'ERR_REFRESH_FAILED', status });
    expect(types()).toEqual(['refreshFailed']);
  },
);

test('law only-the-server-ends-it: a classify() that throws is ignored, and the error contains what it threw', async () => {
  const { error, tokens } = await refused(faults.oauthError('strange'), ({ body }) => {
    throw new Error(`cannot read ${JSON.stringify(body)}`);
  });
  expect(error).toMatchObject({
    code: 'ERR_REFRESH_FAILED',
    error: 'strange',
    cause: { message: 'cannot read {"error":"strange"}' },
  });
  expect(String((error as Error).cause)).not.toContain(tokens.refresh_token);
});

test('law only-the-server-ends-it: a classify() that throws does not keep a grant that a standard code declares dead', async () => {
  const { error } = await refused(faults.oauthError('invalid_grant'), () => {
    throw new TypeError('oh');
  });
  expect(error).toMatchObject({ reason: 'invalid_grant', cause: { name: 'TypeError', message: 'oh' } });
});

test('law no-token-in-words: tokens are removed from the error that classify() throws', async () => {
  const secret: { value?: string } = {};
  const world = await openManager({
    manager: {
      authorizationServer: {
        tokenEndpoint,
        profile: {
          classify: () => {
            throw new Error(`about ${secret.value}`);
          },
        },
      },
    },
  });
  secret.value = world.tokens.refresh_token ?? '';
  world.expire();
  world.server.fail(faults.oauthError('strange'));
  const { cause } = (await rejection(world.manager.getAccessToken())) as { cause: Error };
  expect(cause.message).toMatch(/^about /);
  expect(cause.message).not.toContain(secret.value);
});

test.each<[string, () => unknown]>([
  ['another word', () => 'dead'],
  ['true', () => true],
  ['null', () => null],
  ['a promise', async () => 'invalid-grant'],
  ['a promise that rejects', () => Promise.reject(new Error('late'))],
])(
  'law only-the-server-ends-it: classify() that returns %s ends nothing, and the error names it and the remedy',
  async (_what, classify) => {
    const { error, types, record } = await refused(faults.oauthError('strange'), classify as Classify);
    expect(error).toMatchObject({ code: 'ERR_CONFIGURATION' });
    expect((error as Error).message).toMatch(
      explained(/profile\.classify\(\).*'invalid-grant', 'interaction-required'/),
    );
    expect(types()).toEqual(['refreshFailed']);
    expect(await record()).toBeDefined();
  },
);

test('a classify that is no function is refused', () => {
  const profile = { classify: 'invalid-grant' as never };
  const make = () =>
    new TokenManager({
      clientId: 'app',
      authorizationServer: { tokenEndpoint, profile },
      protectedResources: ['https://api.test/'],
    });
  expect(make).toThrow(explained('authorizationServer.profile.classify must be a function'));
});
