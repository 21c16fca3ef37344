import { describe, expect, it } from 'vitest';
import type { Rejection, StepUp } from '../../../../src/core/http/rejection.ts';
import { classifyRejection } from '../../../../src/core/http/rejection.ts';
import { damaged, quote } from '../../../support/challenges.ts';
import { fc } from '../../../support/properties.ts';

const none: Rejection = { kind: 'none' };
const invalidToken: Rejection = { kind: 'invalid-token' };
const unclear: Rejection = { kind: 'unclear' };
const dpopNonce: Rejection = { kind: 'dpop-nonce' };
const stepUp = (details: StepUp): Rejection => ({ kind: 'step-up', stepUp: details });

interface Answer {
  readonly status: number;
  readonly header: string | null;
  readonly verdict: Rejection;
}

describe('judges the answers of real servers', () => {
  const claims = 'eyJhY2Nlc3NfdG9rZW4iOnt9fQ==';
  const authorizationUri = 'authorization_uri="https://login.example.com/common/oauth2/authorize"';

  it.each<[server: string, answer: Answer]>([
    ['RFC 6750 server', { status: 401, header: 'Bearer error="invalid_token"', verdict: invalidToken }],
    [
      'RFC 6750 server with everything',
      {
        status: 401,
        header:
          'Bearer realm="example", error="invalid_token", error_description="The access token expired, sorry"',
        verdict: invalidToken,
      },
    ],
    [
      'Microsoft Graph',
      {
        status: 401,
        header: `Bearer realm="", ${authorizationUri}, client_id="00000003-0000-0000-c000-000000000000"`,
        verdict: unclear,
      },
    ],
    [
      'Microsoft Graph, claims wanted',
      {
        status: 401,
        header: `Bearer realm="", ${authorizationUri}, error="insufficient_claims", claims="${claims}"`,
        verdict: stepUp({ error: 'insufficient_claims', claims }),
      },
    ],
    [
      'Azure, session revoked: the token is invalid, whatever claims stand there too',
      {
        status: 401,
        header: `Bearer ${authorizationUri}, error="invalid_token", claims="${claims}"`,
        verdict: invalidToken,
      },
    ],
    [
      'Google APIs',
      {
        status: 401,
        header: 'Bearer realm="https://accounts.google.com/", error="invalid_token"',
        verdict: invalidToken,
      },
    ],
    ['GitHub', { status: 401, header: null, verdict: unclear }],
    ['Salesforce', { status: 401, header: 'Token', verdict: unclear }],
    ['Salesforce without a header', { status: 401, header: null, verdict: unclear }],
    ['HubSpot', { status: 401, header: null, verdict: unclear }],
    ['Slack, by its status', { status: 200, header: null, verdict: none }],
    ['Spotify', { status: 401, header: null, verdict: unclear }],
    [
      'Spotify with a header',
      {
        status: 401,
        header: 'Bearer realm="spotify", error="invalid_token", error_description="The access token expired"',
        verdict: invalidToken,
      },
    ],
    [
      'Twitch',
      { status: 401, header: "OAuth realm='TwitchTV', error='invalid_token'", verdict: invalidToken },
    ],
    [
      'Twitch with quotes',
      { status: 401, header: 'OAuth realm="TwitchTV", error="invalid_token"', verdict: invalidToken },
    ],
    ['Twitch, all is well', { status: 200, header: "OAuth realm='TwitchTV'", verdict: none }],
    ['Xero', { status: 401, header: 'OAuth Realm="api.xero.com"', verdict: unclear }],
    ['Xero, wrong tenant', { status: 403, header: 'OAuth Realm="api.xero.com"', verdict: none }],
    ['LinkedIn', { status: 401, header: null, verdict: unclear }],
    [
      'Facebook Graph',
      { status: 400, header: 'OAuth "Facebook Platform" "invalid_token" "Session expired"', verdict: none },
    ],
    [
      'Facebook Graph, as a 401',
      {
        status: 401,
        header: 'OAuth "Facebook Platform" "invalid_token" "Session expired"',
        verdict: unclear,
      },
    ],
    ['ReachFive', { status: 401, header: null, verdict: unclear }],
    ['atproto PDS', { status: 401, header: 'DPoP error="invalid_token"', verdict: invalidToken }],
    [
      'atproto PDS, nonce wanted',
      {
        status: 401,
        header:
          'DPoP error="use_dpop_nonce", error_description="Resource server requires nonce in DPoP proof"',
        verdict: dpopNonce,
      },
    ],
    ['gateway', { status: 401, header: null, verdict: unclear }],
    ['gateway, header emptied', { status: 401, header: '', verdict: unclear }],
  ])('%s', (_, { status, header, verdict }) => {
    expect(classifyRejection(status, header)).toEqual(verdict);
  });
});

describe('invalid_token', () => {
  it.each(['Bearer', 'bearer', 'DPoP', 'OAuth', 'Token', 'X-Odd!'])(
    'refreshes under the scheme %s',
    (scheme) => {
      expect(classifyRejection(401, `${scheme} error=invalid_token`)).toEqual(invalidToken);
    },
  );

  it.each([200, 302, 400, 403, 404, 407, 500, 503])('is no evidence with status %i', (status) => {
    expect(classifyRejection(status, 'Bearer error="invalid_token"')).toEqual(none);
  });

  it.each([
    'Basic realm="x", Bearer error="invalid_token"',
    'Bearer error="invalid_token", Basic realm="x"',
    'Negotiate YII=, Bearer, DPoP algs="ES256", error="invalid_token"',
    'Bearer error="invalid_request", DPoP error="invalid_token"',
  ])('counts wherever it stands: %s', (header) => {
    expect(classifyRejection(401, header)).toEqual(invalidToken);
  });

  it.each([
    'Bearer realm="Bearer error=\\"invalid_token\\""',
    'Bearer realm="x, Bearer error=invalid_token"',
    'Bearer error_description="invalid_token"',
    'Bearer error="not_invalid_token"',
    'Bearer error="x", error="invalid_token"',
    'invalid_token',
    'error="invalid_token"',
  ])('counts nowhere else: %s', (header) => {
    expect(classifyRejection(401, header)).toEqual(unclear);
  });
});

describe('401 without a reason', () => {
  it.each([
    ['6750-05: Bearer without an error, as on a call without a token', 'Bearer'],
    ['6750-05: Bearer with a realm only', 'Bearer realm="example", scope="a b"'],
    ['9110-01: no header, though one is due', null],
    ['an error that no RFC knows', 'Bearer error="token_expired"'],
    ['an empty error', 'Bearer error=""'],
    ['Basic alone: the server did not care for the token', 'Basic realm="x"'],
    ['Negotiate alone', 'Negotiate'],
    ['nothing that can be read', '\u{b6}="'],
  ])('is unclear: %s', (_, header) => {
    expect(classifyRejection(401, header)).toEqual(unclear);
  });
});

describe('errors of the request', () => {
  it('6750-08: invalid_request says nothing about the token, with any status', () => {
    for (const status of [400, 401, 403]) {
      expect(classifyRejection(status, 'Bearer error="invalid_request"')).toEqual(none);
    }
    expect(classifyRejection(401, 'Basic realm="x", Bearer error="invalid_request"')).toEqual(none);
  });

  it('9449 §7.1: invalid_dpop_proof says nothing about the token', () => {
    expect(classifyRejection(401, 'DPoP error="invalid_dpop_proof", algs="ES256"')).toEqual(none);
  });

  it('9449-09: use_dpop_nonce asks for a nonce, not for a refresh, and only in a 401', () => {
    expect(classifyRejection(401, 'Bearer realm="x", DPoP error="use_dpop_nonce"')).toEqual(dpopNonce);
    expect(classifyRejection(403, 'DPoP error="use_dpop_nonce"')).toEqual(none);
    expect(classifyRejection(400, 'DPoP error="use_dpop_nonce"')).toEqual(none);
  });
});

describe('step-up', () => {
  it.each([401, 403])('6750-07: insufficient_scope names the scope, with status %i', (status) => {
    expect(
      classifyRejection(status, 'Bearer realm="x", error="insufficient_scope", scope=" read  write "'),
    ).toEqual(stepUp({ error: 'insufficient_scope', scope: ['read', 'write'] }));
  });

  it.each([401, 403])(
    '9470-01: insufficient_user_authentication has all its details, with status %i',
    (status) => {
      const header =
        'error="insufficient_user_authentication", acr_values="urn:b urn:a", max_age="5", scope=pay';
      expect(classifyRejection(status, `Bearer ${header}`)).toEqual(
        stepUp({
          error: 'insufficient_user_authentication',
          scope: ['pay'],
          acrValues: ['urn:b', 'urn:a'],
          maxAge: 5,
        }),
      );
    },
  );

  it.each([401, 403])('keeps the claims of insufficient_claims as they came, with status %i', (status) => {
    expect(classifyRejection(status, 'Bearer error="insufficient_claims", claims="{\\"a\\": 1} =="')).toEqual(
      stepUp({ error: 'insufficient_claims', claims: '{"a": 1} ==' }),
    );
  });

  it.each([200, 400, 404])('is wanted by no answer with status %i', (status) => {
    expect(classifyRejection(status, 'Bearer error="insufficient_scope"')).toEqual(none);
  });

  it('names what the server named, and nothing else', () => {
    const verdict = classifyRejection(
      403,
      'Bearer error="insufficient_scope", scope="", acr_values=" ", claims=""',
    );
    expect(verdict).toStrictEqual(stepUp({ error: 'insufficient_scope' }));
  });

  it.each([
    ['0', 0],
    ['86400', 86_400],
    ['9007199254740991', 2 ** 53 - 1],
  ])('9470-01: max_age="%s" is %d seconds', (text, maxAge) => {
    const header = `Bearer error="insufficient_user_authentication", max_age="${text}"`;
    expect(classifyRejection(401, header)).toStrictEqual(
      stepUp({ error: 'insufficient_user_authentication', maxAge }),
    );
  });

  it.each([
    '',
    '-1',
    '+1',
    '1.5',
    '1e3',
    '0x10',
    ' 5',
    '5 ',
    '5\u{a0}',
    'NaN',
    'Infinity',
    '9007199254740992',
  ])('9470-01: max_age="%s" is ignored', (text) => {
    const header = `Bearer error="insufficient_user_authentication", max_age="${text}"`;
    expect(classifyRejection(401, header)).toStrictEqual(
      stepUp({ error: 'insufficient_user_authentication' }),
    );
  });
});

describe('a server that says several things at once', () => {
  const scope = 'Bearer error="insufficient_scope", scope="a"';
  const wanted = stepUp({ error: 'insufficient_scope', scope: ['a'] });

  it.each<[name: string, challenges: [string, string], answer: { on401: Rejection; on403: Rejection }]>([
    [
      'invalid_token before step-up: a token that is dead lacks nothing',
      ['Bearer error="invalid_token"', scope],
      { on401: invalidToken, on403: wanted },
    ],
    [
      'invalid_token before use_dpop_nonce: a client without DPoP has no nonce to offer',
      ['Bearer error="invalid_token"', 'DPoP error="use_dpop_nonce"'],
      { on401: invalidToken, on403: none },
    ],
    [
      'use_dpop_nonce before step-up: the token was not looked at yet',
      [scope, 'DPoP error="use_dpop_nonce"'],
      { on401: dpopNonce, on403: wanted },
    ],
    [
      'step-up before invalid_request',
      [scope, 'DPoP error="invalid_request"'],
      { on401: wanted, on403: wanted },
    ],
    [
      'invalid_request before an unknown error',
      ['Bearer error="odd"', 'DPoP error="invalid_request"'],
      { on401: none, on403: none },
    ],
  ])('%s', (_, challenges, { on401, on403 }) => {
    for (const header of [challenges.join(', '), challenges.toReversed().join(', ')]) {
      expect(classifyRejection(401, header)).toEqual(on401);
      expect(classifyRejection(403, header)).toEqual(on403);
    }
  });

  it('takes the first of two step-ups, whole, and mixes in nothing of the other', () => {
    const second = 'DPoP error="insufficient_user_authentication", max_age=1';
    expect(classifyRejection(401, `${scope}, ${second}`)).toStrictEqual(wanted);
    expect(classifyRejection(401, `${second}, ${scope}`)).toStrictEqual(
      stepUp({ error: 'insufficient_user_authentication', maxAge: 1 }),
    );
  });
});

describe('on any input', () => {
  const status = fc.constantFrom(200, 400, 401, 403, 500);
  const header = fc.option(fc.oneof(damaged, fc.string({ unit: 'binary' })));

  it('never throws, and only a 401 is evidence', () => {
    const property = fc.property(status, header, (code, value) => {
      const { kind } = classifyRejection(code, value);
      if (code !== 401) expect(['none', code === 403 ? 'step-up' : 'none']).toContain(kind);
    });
    fc.assert(property, { numRuns: 1000 });
  });

  it('a text that a server quotes cannot change the verdict', () => {
    const texts = fc.oneof(fc.string(), damaged, fc.constant('", Bearer error="invalid_token'));
    const property = fc.property(texts, (text) => {
      expect(classifyRejection(401, `Bearer realm=${quote(text)}`)).toEqual(unclear);
      expect(
        classifyRejection(401, `Bearer error_description=${quote(text)}, error="invalid_token"`),
      ).toEqual(invalidToken);
      expect(classifyRejection(403, `Bearer realm=${quote(text)}`)).toEqual(none);
    });
    fc.assert(property, { numRuns: 1000 });
  });
});
