import { describe, expect, test } from 'vitest';
import type { FailureClass } from '../../../../src/core/oauth/provider-profile.ts';
import { classifyFailure } from '../../../../src/core/oauth/token-error.ts';
import { parseBody } from '../../../../src/core/oauth/token-grant.ts';

const believed = [200, 400, 401, 403];

describe('6749-13: what a code means', () => {
  test.each<[FailureClass, string[]]>([
    [
      'invalid-grant',
      [
        'invalid_grant',
        'bad_refresh_token',
        'BAD_REFRESH_TOKEN',
        'invalid_refresh_token',
        'token_revoked',
        'token_expired',
        'invalid_token',
        'token_inactive',
      ],
    ],
    [
      'interaction-required',
      [
        'interaction_required',
        'login_required',
        'consent_required',
        'mfa_required',
        'insufficient_user_authentication',
      ],
    ],
    [
      'client',
      [
        'invalid_request',
        'invalid_client',
        'unauthorized_client',
        'unsupported_grant_type',
        'invalid_scope',
        'invalid_target',
        'invalid_dpop_proof',
        'origin_not_allowed',
        'constructor',
        '__proto__',
      ],
    ],
    [
      'transient',
      ['temporarily_unavailable', 'server_error', 'slow_down', 'rate_limit_reached', 'use_dpop_nonce'],
    ],
  ])('%s: %j', (failure, codes) => {
    for (const error of codes) {
      for (const status of believed)
        expect(classifyFailure(status, { error }, undefined)).toEqual({ failure, error });
    }
  });

  test('6749-12: 401 invalid_client is about the client, not about a token', () => {
    expect(classifyFailure(401, { error: 'invalid_client' }, undefined).failure).toBe('client');
  });
});

describe('the meaning of a status', () => {
  const bodies = [
    { error: 'invalid_grant' },
    { error: 'invalid_client' },
    { error: 'login_required' },
    {},
    undefined,
  ];

  test.each([500, 501, 502, 503, 504, 511, 599])(
    'N29: %i is transient whatever the body says of the grant',
    (status) => {
      for (const body of bodies) expect(classifyFailure(status, body, undefined).failure).toBe('transient');
      const profile = { errorCodes: { invalid_grant: 'invalid-grant' } } as const;
      expect(classifyFailure(status, { error: 'invalid_grant' }, profile).failure).toBe('transient');
    },
  );

  test.each([408, 425, 429])('%i is transient whatever the body says of the grant', (status) => {
    for (const body of bodies) expect(classifyFailure(status, body, undefined).failure).toBe('transient');
  });

  test('the code is reported anyway', () => {
    expect(classifyFailure(503, { error: 'invalid_grant' }, undefined).error).toBe('invalid_grant');
  });

  test.each([404, 412])('%i is about the client whatever the body', (status) => {
    for (const body of bodies) expect(classifyFailure(status, body, undefined).failure).toBe('client');
  });

  test.each([402, 405, 409, 410, 415, 422, 451])('%i does not prove that a grant is dead', (status) => {
    expect(classifyFailure(status, { error: 'invalid_grant' }, undefined).failure).toBe('client');
  });

  test.each([400, 401, 403])('%i with JSON that has no code is about the client', (status) => {
    for (const body of [
      {},
      { error: 'Bad Request' },
      { error: { code: 1 } },
      { message: 'No' },
      [],
      null,
      'No',
    ]) {
      expect(classifyFailure(status, body, undefined)).toEqual({ failure: 'client', error: undefined });
    }
  });

  test.each([400, 401, 403, 407])('%i with a page or nothing comes from something in between', (status) => {
    for (const body of ['', '<html>Sign in to the airport</html>', 'Forbidden', '{"error":"invalid_gra']) {
      expect(classifyFailure(status, parseBody(body), undefined).failure).toBe('transient');
    }
  });
});

describe('a grant that lives although the code is invalid_grant', () => {
  const error = 'invalid_grant';
  test.each([
    ['Entra wants claims', { claims: '{"access_token":{"capolids":{"essential":true}}}' }],
    ['Entra wants a second factor', { error_codes: [50076] }],
    ['Entra wants an external challenge', { error_codes: [50158] }],
    ['Entra, without numbers', { error_description: 'AADSTS50158: External security challenge.' }],
    ['Google wants a new sign-in', { error_subtype: 'invalid_rapt' }],
  ])('%s', (_, members) => {
    const { failure } = classifyFailure(400, { error, ...members }, undefined);
    expect(failure).toBe('interaction-required');
  });

  test.each([
    ['no claims', { claims: '' }],
    ['another number', { error_codes: [70008], error_description: 'AADSTS70008: expired' }],
    ['a number that begins alike', { error_description: 'AADSTS500761: …' }],
    ['another subtype', { error_subtype: 'bad_token' }],
  ])('but not with %s', (_, members) => {
    expect(classifyFailure(400, { error, ...members }, undefined).failure).toBe('invalid-grant');
  });
});

describe('a profile', () => {
  test('comes before the standard', () => {
    const profile = { errorCodes: { invalid_grant: 'transient', gone: 'invalid-grant' } } as const;
    expect(classifyFailure(400, { error: 'invalid_grant' }, profile).failure).toBe('transient');
    expect(classifyFailure(404, { error: 'gone' }, profile).failure).toBe('invalid-grant');
    expect(classifyFailure(400, { error: 'invalid_scope' }, profile).failure).toBe('client');
  });

  test('says where codes stand, and a code that is known comes before one that is not', () => {
    const profile = { errorFields: ['category', 'status', 'error'] };
    const body = { category: 'OAUTH', status: 'BAD_REFRESH_TOKEN', error: 'other' };
    expect(classifyFailure(400, body, profile)).toEqual({
      failure: 'invalid-grant',
      error: 'BAD_REFRESH_TOKEN',
    });
    expect(classifyFailure(400, { ...body, status: 7 }, profile)).toEqual({
      failure: 'client',
      error: 'OAUTH',
    });
  });

  test('can declare a sentence, which is no code by itself', () => {
    const declared = {
      errorFields: ['message'],
      errorCodes: { 'Invalid refresh token': 'invalid-grant' },
    } as const;
    const body = { error: 'Bad Request', status: 400, message: 'Invalid refresh token' };
    expect(classifyFailure(400, body, declared)).toEqual({
      failure: 'invalid-grant',
      error: 'Invalid refresh token',
    });
    expect(classifyFailure(400, body, undefined)).toEqual({ failure: 'client', error: undefined });
  });

  test.each(['constructor', 'toString', '__proto__'])(
    'does not declare what every object has: %s',
    (error) => {
      expect(classifyFailure(400, { error }, { errorCodes: {} }).failure).toBe('client');
    },
  );
});

test.each([['x'.repeat(101)], ['a b'], ['a\nb'], ['a"b'], ['a\\b'], ['é'], ['']])(
  '%j is no code',
  (error) => {
    expect(classifyFailure(400, { error }, undefined).error).toBeUndefined();
  },
);
