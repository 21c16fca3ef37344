import {
  atlassian,
  auth0,
  cloudentity,
  cognito,
  curity,
  entra,
  github,
  google,
  hubspot,
  intuit,
  keycloak,
  linear,
  linkedin,
  okta,
  reachfive,
  salesforce,
  slack,
  spotify,
  twitch,
  workos,
  xero,
} from 'tokenkeep/providers';
import { describe, expect, test } from 'vitest';
import type { AuthorizationServer } from '../../../../src/core/oauth/authorization-server.ts';
import type { ProviderProfile } from '../../../../src/core/oauth/provider-profile.ts';
import { parseTokenResponse } from '../../../../src/core/oauth/token-response.ts';
import { authorizationScheme } from '../../../../src/core/session/read-record.ts';
import { answered, jwt, now } from '../../../support/token-response.ts';

interface Case {
  readonly name: string;
  readonly status?: number;
  readonly body: unknown;
  readonly contentType?: string;
  readonly expected: object;
}

const form = 'application/x-www-form-urlencoded; charset=utf-8';
const html = 'text/html; charset=utf-8';

const accessToken = jwt({ iat: now / 1000, exp: now / 1000 + 300 });
const refreshToken = jwt({ iat: now / 1000, exp: now / 1000 + 1800 });

const domain = 'login.example.com';
const providers: Readonly<Record<string, AuthorizationServer>> = {
  Atlassian: atlassian(),
  Auth0: auth0({ domain }),
  Cloudentity: cloudentity({ domain }),
  'Amazon Cognito': cognito({ domain }),
  Curity: curity({ domain }),
  'Microsoft Entra': entra(),
  GitHub: github(),
  Google: google(),
  HubSpot: hubspot(),
  QuickBooks: intuit(),
  Keycloak: keycloak({ url: domain, realm: 'acme' }),
  Linear: linear(),
  LinkedIn: linkedin(),
  Okta: okta({ domain }),
  ReachFive: reachfive({ domain }),
  Salesforce: salesforce(),
  Slack: slack(),
  Spotify: spotify(),
  Twitch: twitch(),
  WorkOS: workos(),
  Xero: xero(),
};

/** The profile of the provider that a case is named for. Other servers, and clients without a profile, have none. */
function profileOf(name: string): ProviderProfile | undefined {
  const [provider] = Object.keys(providers).filter((one) => name.startsWith(one));
  const isWithout = name.includes('that has no profile');
  return provider === undefined || isWithout ? undefined : providers[provider]?.profile;
}

const grants: readonly Case[] = [
  {
    name: 'ReachFive',
    body: {
      id_token: 'id-1',
      access_token: accessToken,
      refresh_token: 'reachfive-2',
      token_type: 'Bearer',
      expires_in: 86_400,
    },
    expected: { accessToken, refreshToken: 'reachfive-2', idToken: 'id-1', lifetime: 86_400_000, extra: {} },
  },
  {
    name: 'Cloudentity',
    body: {
      access_token: accessToken,
      expires_in: 3599,
      grant_id: 'c9k1',
      cdr_arrangement_id: 'arr-1',
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      refresh_token: 'cycled',
      scope: 'offline_access openid profile',
      token_type: 'bearer',
    },
    expected: {
      refreshToken: 'cycled',
      lifetime: 3_599_000,
      tokenType: 'bearer',
      scope: ['offline_access', 'openid', 'profile'],
      extra: {
        grant_id: 'c9k1',
        cdr_arrangement_id: 'arr-1',
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      },
    },
  },
  {
    name: 'Curity, as its tutorial prints it',
    body: `{
"access_token": "79ed4e85-954d-4044-9362-99ac9695d7e0",
"refresh_token": "ff8cfad8-9888-44c7-afb2-8c597cf96037",
"scope" : "",
"token_type": "bearer",
"expires_in": 300
}`,
    expected: {
      accessToken: '79ed4e85-954d-4044-9362-99ac9695d7e0',
      refreshToken: 'ff8cfad8-9888-44c7-afb2-8c597cf96037',
      scope: undefined,
      tokenType: 'bearer',
      lifetime: 300_000,
    },
  },
  {
    name: 'Curity, with a narrower scope and members left out',
    body: `{
"access_token": "2a44b422-f2c2-4fd8-bfcb-1ea6140cea87",
"refresh_token": "daa38700-ba96-4ef1-8b30-5cb3527aae19",
"scope": "read profile"
}`,
    expected: {
      refreshToken: 'daa38700-ba96-4ef1-8b30-5cb3527aae19',
      scope: ['read', 'profile'],
      lifetime: undefined,
      tokenType: 'Bearer',
    },
  },
  {
    name: 'Auth0',
    body: {
      access_token: 'a',
      refresh_token: 'r',
      scope: 'openid offline_access',
      expires_in: 86_400,
      token_type: 'Bearer',
    },
    expected: { refreshToken: 'r', lifetime: 86_400_000 },
  },
  {
    name: 'Okta, persistent: the same refresh token again',
    body: {
      token_type: 'Bearer',
      expires_in: 3600,
      access_token: 'a',
      scope: 'offline_access',
      refresh_token: 'same',
    },
    expected: { refreshToken: 'same', scope: ['offline_access'] },
  },
  {
    name: 'Keycloak',
    body: {
      access_token: accessToken,
      expires_in: 60,
      refresh_expires_in: 46,
      refresh_token: refreshToken,
      token_type: 'Bearer',
      'not-before-policy': 0,
      session_state: 's-1',
      scope: 'profile email',
    },
    expected: {
      lifetime: 60_000,
      refreshTokenLifetime: 46_000,
      extra: { 'not-before-policy': 0, session_state: 's-1', refresh_expires_in: 46 },
    },
  },
  {
    name: 'Keycloak, offline token',
    body: { access_token: accessToken, expires_in: 60, refresh_expires_in: 0, refresh_token: refreshToken },
    expected: { refreshToken, refreshTokenLifetime: Number.POSITIVE_INFINITY },
  },
  {
    name: 'Amazon Cognito: no refresh token',
    body: { access_token: 'a', id_token: 'i', token_type: 'Bearer', expires_in: 3600 },
    expected: { refreshToken: undefined, idToken: 'i' },
  },
  {
    name: 'Microsoft Entra v1: numbers in strings',
    body: {
      token_type: 'Bearer',
      expires_in: '3599',
      ext_expires_in: '3599',
      expires_on: '1767229199',
      resource: 'https://graph.example',
      access_token: 'a',
      refresh_token: 'entra-2',
    },
    expected: {
      refreshToken: 'entra-2',
      lifetime: 3_599_000,
      extra: { ext_expires_in: '3599', expires_on: '1767229199', resource: 'https://graph.example' },
    },
  },
  {
    name: 'Google: no refresh token',
    body: {
      access_token: 'a',
      expires_in: 3920,
      scope: 'https://g.example/auth/drive openid',
      token_type: 'Bearer',
    },
    expected: { refreshToken: undefined, scope: ['https://g.example/auth/drive', 'openid'] },
  },
  {
    name: 'Google: one of its rare new refresh tokens',
    body: { access_token: 'a', expires_in: 3920, token_type: 'Bearer', refresh_token: '1//new' },
    expected: { refreshToken: '1//new' },
  },
  {
    name: 'GitHub App: a form',
    contentType: form,
    body: 'access_token=ghu_16C7e42F&expires_in=28800&refresh_token=ghr_1B4a2e77&refresh_token_expires_in=15811200&scope=&token_type=bearer',
    expected: {
      accessToken: 'ghu_16C7e42F',
      refreshToken: 'ghr_1B4a2e77',
      lifetime: 28_800_000,
      refreshTokenLifetime: 15_811_200_000,
      scope: undefined,
      tokenType: 'bearer',
      extra: { refresh_token_expires_in: '15811200' },
    },
  },
  {
    name: 'GitHub App: JSON with numbers in strings',
    body: {
      access_token: 'ghu_16C7e42F',
      expires_in: '28800',
      refresh_token: 'ghr_1B4a2e77',
      refresh_token_expires_in: '15811200',
      scope: '',
      token_type: 'bearer',
    },
    expected: { lifetime: 28_800_000, refreshTokenLifetime: 15_811_200_000, scope: undefined },
  },
  {
    name: 'GitHub OAuth App: scopes between commas',
    contentType: form,
    body: 'access_token=gho_16C7e42F&scope=repo%2Cgist&token_type=bearer',
    expected: { scope: ['repo', 'gist'], refreshToken: undefined, lifetime: undefined },
  },
  {
    name: 'Slack: the tokens of the user are extra',
    body: {
      ok: true,
      access_token: 'xoxe.xoxb-1',
      expires_in: 43_200,
      refresh_token: 'xoxe-1',
      token_type: 'bot',
      scope: 'commands,incoming-webhook',
      authed_user: { id: 'U1', access_token: 'xoxe.xoxp-1', refresh_token: 'xoxe-2', token_type: 'user' },
    },
    expected: {
      accessToken: 'xoxe.xoxb-1',
      refreshToken: 'xoxe-1',
      tokenType: 'bot',
      lifetime: 43_200_000,
      scope: ['commands', 'incoming-webhook'],
      extra: {
        ok: true,
        authed_user: { id: 'U1', access_token: 'xoxe.xoxp-1', refresh_token: 'xoxe-2', token_type: 'user' },
      },
    },
  },
  {
    name: 'Salesforce: no expires_in',
    body: {
      access_token: '00Dx0000000BV7z!AR8AQP0jITN80ESEsj5EbaZTFG0R',
      instance_url: 'https://yourInstance.salesforce.example',
      id: 'https://login.salesforce.example/id/00D/005',
      issued_at: '1278448384422',
      signature: 'SSSbLO/gBhmmyNUvN18ODBDFYHzakxOMgqYtu+hDPsc=',
      token_type: 'Bearer',
    },
    expected: {
      lifetime: undefined,
      refreshToken: undefined,
      extra: {
        instance_url: 'https://yourInstance.salesforce.example',
        id: 'https://login.salesforce.example/id/00D/005',
        issued_at: '1278448384422',
        signature: 'SSSbLO/gBhmmyNUvN18ODBDFYHzakxOMgqYtu+hDPsc=',
      },
    },
  },
  {
    name: 'Spotify: no refresh token',
    body: { access_token: 'a', token_type: 'Bearer', expires_in: 3600, scope: 'user-read-private' },
    expected: { refreshToken: undefined, lifetime: 3_600_000 },
  },
  {
    name: 'LinkedIn: 60 days (N37)',
    body: { access_token: 'a', expires_in: 5_184_000, refresh_token: 'r', refresh_token_expires_in: 439_200 },
    expected: { lifetime: 5_184_000_000, refreshTokenLifetime: 439_200_000, tokenType: 'Bearer' },
  },
  {
    name: 'Xero',
    body: {
      id_token: 'i',
      access_token: 'a',
      expires_in: 1800,
      token_type: 'Bearer',
      refresh_token: 'r',
      scope: 'email',
    },
    expected: { refreshToken: 'r', lifetime: 1_800_000 },
  },
  {
    name: 'QuickBooks',
    body: {
      token_type: 'bearer',
      expires_in: 3600,
      refresh_token: 'AB1-same',
      x_refresh_token_expires_in: 15_552_000,
      access_token: 'a',
    },
    expected: { refreshToken: 'AB1-same', refreshTokenLifetime: 15_552_000_000 },
  },
  {
    name: 'HubSpot: no token_type',
    body: { refresh_token: '6f18f21e', access_token: 'CNy', expires_in: 1800 },
    expected: { tokenType: 'Bearer', refreshToken: '6f18f21e', lifetime: 1_800_000 },
  },
  {
    name: 'Twitch: 60 days (N37) and an array',
    body: {
      access_token: 'rfx2uswqe8l4g1mkagrvg5tv0ks3',
      expires_in: 5_215_742,
      refresh_token: '5b93chm6hdve3mycz05zfzatkfdenfspp1h1ar2xxdalen01',
      scope: ['channel:moderate', 'chat:edit'],
      token_type: 'bearer',
    },
    expected: {
      lifetime: 5_215_742_000,
      scope: ['channel:moderate', 'chat:edit'],
      refreshToken: '5b93chm6hdve3mycz05zfzatkfdenfspp1h1ar2xxdalen01',
    },
  },
  {
    name: 'Atlassian: no token_type',
    body: { access_token: 'a', refresh_token: 'r', expires_in: 3600, scope: 'read:jira-work offline_access' },
    expected: { tokenType: 'Bearer', refreshToken: 'r', scope: ['read:jira-work', 'offline_access'] },
  },
  {
    name: 'atproto: DPoP',
    body: {
      access_token: accessToken,
      token_type: 'DPoP',
      refresh_token: 'ref-2',
      scope: 'atproto',
      sub: 'did:plc:x',
    },
    expected: { tokenType: 'DPoP', lifetime: 300_000, refreshToken: 'ref-2', extra: { sub: 'did:plc:x' } },
  },
];

describe('grants', () => {
  test.each(grants)('of $name', ({ name, status = 200, body, contentType, expected }) => {
    const profile = profileOf(name);
    const outcome = parseTokenResponse(
      answered(status, body, contentType ? { contentType } : {}),
      profile,
      now,
    );
    expect(outcome).toMatchObject({ kind: 'granted', grant: expected });
    if (outcome.kind !== 'granted') return;
    expect(authorizationScheme(outcome.grant.tokenType, profile)).toMatch(/^(Bearer|DPoP)$/);
  });
});

const dead = 'invalid-grant';
const refusals: readonly Case[] = [
  {
    name: 'ReachFive: a used refresh token',
    status: 400,
    body: {
      error: 'invalid_grant',
      error_id: 'Gx1',
      error_description: 'Invalid refresh token.',
      error_message_key: 'error.invalidGrant',
      error_user_msg: 'Please sign in again.',
    },
    expected: {
      failure: dead,
      error: 'invalid_grant',
      description: 'Invalid refresh token.',
      details: {
        error_id: 'Gx1',
        error_message_key: 'error.invalidGrant',
        error_user_msg: 'Please sign in again.',
      },
    },
  },
  {
    name: 'ReachFive: 429 after 100 requests a minute',
    status: 429,
    body: { error: 'rate_limit_reached', error_description: 'Too many requests.' },
    expected: { failure: 'transient', error: 'rate_limit_reached' },
  },
  {
    name: 'ReachFive: a login is wanted',
    status: 400,
    body: { error: 'login_required', error_id: 'Gx2' },
    expected: { failure: 'interaction-required', error: 'login_required' },
  },
  {
    name: 'ReachFive: a wrong field',
    status: 400,
    body: {
      error: 'invalid_request',
      error_details: [{ field: 'client_id', message: 'missing', code: 'missing' }],
    },
    expected: {
      failure: 'client',
      details: { error_details: [{ field: 'client_id', message: 'missing', code: 'missing' }] },
    },
  },
  {
    name: 'Cloudentity: in the style of RFC 6749',
    status: 400,
    body: {
      cause: 'refresh token reuse',
      details: null,
      error: 'invalid_grant',
      error_description: 'The provided authorization grant is invalid.',
      error_hint: 'Check that the token was not used before.',
      status_code: 400,
    },
    expected: {
      failure: dead,
      error: 'invalid_grant',
      description: 'The provided authorization grant is invalid.',
      details: { error_hint: 'Check that the token was not used before.', status_code: 400 },
    },
  },
  ...[401, 404, 412, 429].map((status) => ({
    name: `Cloudentity: the generic ${status}, whose error is a sentence`,
    status,
    body: { error: 'tenant not found or blocked', error_code: status, error_hint: 'Check the URL.' },
    expected: {
      failure: status === 429 ? 'transient' : 'client',
      error: undefined,
      description: 'tenant not found or blocked',
      details: { error_code: status, error_hint: 'Check the URL.' },
    },
  })),
  {
    name: 'Curity',
    status: 400,
    body: { error: 'invalid_grant', error_description: 'Token is expired' },
    expected: { failure: dead, error: 'invalid_grant' },
  },
  {
    name: 'Auth0: 403',
    status: 403,
    body: { error: 'invalid_grant', error_description: 'Unknown or invalid refresh token.' },
    expected: { failure: dead, status: 403 },
  },
  {
    name: 'Okta',
    status: 400,
    body: { error: 'invalid_grant', error_description: 'The refresh token is invalid or expired.' },
    expected: { failure: dead },
  },
  ...[
    'Maximum allowed refresh token reuse exceeded',
    "Session doesn't have required client",
    'Session not active',
    'Stale token',
    'Token is not active',
  ].map((error_description) => ({
    name: `Keycloak: ${error_description}`,
    status: 400,
    body: { error: 'invalid_grant', error_description },
    expected: { failure: dead, description: error_description },
  })),
  {
    name: 'Keycloak: 401 for a wrong client secret',
    status: 401,
    body: { error: 'unauthorized_client', error_description: 'Invalid client or Invalid client credentials' },
    expected: { failure: 'client' },
  },
  {
    name: 'Amazon Cognito',
    status: 400,
    body: { error: 'invalid_grant' },
    expected: { failure: dead, description: undefined },
  },
  {
    name: 'Microsoft Entra: a dead grant',
    status: 400,
    body: {
      error: 'invalid_grant',
      error_description: 'AADSTS70008: The refresh token has expired due to inactivity.\r\nTrace ID: 0',
      error_codes: [70_008],
      suberror: 'bad_token',
    },
    expected: {
      failure: dead,
      description: 'AADSTS70008: The refresh token has expired due to inactivity. Trace ID: 0',
      details: { suberror: 'bad_token', error_codes: [70_008] },
    },
  },
  {
    name: 'Microsoft Entra: claims',
    status: 400,
    body: {
      error: 'interaction_required',
      error_description:
        'AADSTS50076: Due to a configuration change you must use multi-factor authentication.',
      error_codes: [50_076],
      suberror: 'basic_action',
      claims: '{"access_token":{"polids":{"essential":true,"values":["x"]}}}',
    },
    expected: {
      failure: 'interaction-required',
      details: { claims: '{"access_token":{"polids":{"essential":true,"values":["x"]}}}' },
    },
  },
  {
    name: 'Google: a dead grant',
    status: 400,
    body: { error: 'invalid_grant', error_description: 'Token has been expired or revoked.' },
    expected: { failure: dead },
  },
  {
    name: 'Google: a new sign-in by policy',
    status: 400,
    body: {
      error: 'invalid_grant',
      error_description: 'reauth related error',
      error_subtype: 'invalid_rapt',
    },
    expected: {
      failure: 'interaction-required',
      error: 'invalid_grant',
      details: { error_subtype: 'invalid_rapt' },
    },
  },
  {
    name: 'Google: a wrong client',
    status: 401,
    body: { error: 'invalid_client', error_description: 'The OAuth client was not found.' },
    expected: { failure: 'client' },
  },
  {
    name: 'GitHub: 200 with a form',
    status: 200,
    contentType: form,
    body: 'error=bad_refresh_token&error_description=The+refresh+token+passed+is+incorrect+or+expired.&error_uri=https%3A%2F%2Fdocs.github.example',
    expected: {
      failure: dead,
      status: 200,
      error: 'bad_refresh_token',
      description: 'The refresh token passed is incorrect or expired.',
    },
  },
  {
    name: 'GitHub: 200 with JSON',
    status: 200,
    body: {
      error: 'bad_refresh_token',
      error_description: 'The refresh token passed is incorrect or expired.',
    },
    expected: { failure: dead, status: 200 },
  },
  {
    name: 'GitHub: 200 for a wrong client',
    status: 200,
    body: { error: 'incorrect_client_credentials' },
    expected: { failure: 'client', error: 'incorrect_client_credentials' },
  },
  ...['invalid_refresh_token', 'token_revoked', 'token_expired'].map((error) => ({
    name: `Slack: 200 ${error}`,
    status: 200,
    body: { ok: false, error },
    expected: { failure: dead, error },
  })),
  {
    name: 'Slack: 200 for a wrong client',
    status: 200,
    body: { ok: false, error: 'bad_client_secret' },
    expected: { failure: 'client' },
  },
  {
    name: 'Salesforce: a dead grant',
    status: 400,
    body: { error: 'invalid_grant', error_description: 'expired access/refresh token' },
    expected: { failure: dead },
  },
  {
    name: 'Salesforce: two refreshes at once',
    status: 400,
    body: { error: 'invalid_grant', error_description: 'token request is already being processed' },
    expected: { failure: 'transient', error: 'token request is already being processed' },
  },
  {
    name: 'Salesforce: 400 for a wrong client',
    status: 400,
    body: { error: 'invalid_client', error_description: 'invalid client credentials' },
    expected: { failure: 'client', error: 'invalid_client' },
  },
  {
    name: 'Spotify',
    status: 400,
    body: { error: 'invalid_grant', error_description: 'Refresh token revoked' },
    expected: { failure: dead },
  },
  {
    name: 'LinkedIn',
    status: 400,
    body: {
      error: 'invalid_grant',
      error_description: 'The provided refresh token is invalid, expired or revoked',
    },
    expected: { failure: dead },
  },
  {
    name: 'LinkedIn, where the code is about the request',
    status: 400,
    body: {
      error: 'invalid_request',
      error_description: 'The provided authorization grant or refresh token is invalid, expired or revoked',
    },
    expected: { failure: dead },
  },
  {
    name: 'LinkedIn, where the request is at fault',
    status: 400,
    body: { error: 'invalid_request', error_description: 'A required parameter "client_id" is missing' },
    expected: { failure: 'client', error: 'invalid_request' },
  },
  {
    name: 'Xero: no description',
    status: 400,
    body: { error: 'invalid_grant' },
    expected: { failure: dead },
  },
  { name: 'QuickBooks', status: 400, body: { error: 'invalid_grant' }, expected: { failure: dead } },
  {
    name: 'HubSpot: no error',
    status: 400,
    body: { status: 'BAD_REFRESH_TOKEN', message: 'missing or unknown refresh token' },
    expected: { failure: dead, error: 'BAD_REFRESH_TOKEN', description: 'missing or unknown refresh token' },
  },
  {
    name: 'HubSpot, to a client that has no profile for it',
    status: 400,
    body: { status: 'BAD_REFRESH_TOKEN', message: 'missing or unknown refresh token' },
    expected: { failure: 'client', error: undefined },
  },
  ...[400, 401].map((status) => ({
    name: `Twitch: ${status} with the text of the status as its error`,
    status,
    body: {
      error: status === 400 ? 'Bad Request' : 'Unauthorized',
      status,
      message: 'Invalid refresh token',
    },
    expected: { failure: dead, error: 'Invalid refresh token', description: 'Invalid refresh token' },
  })),
  {
    name: 'Twitch, to a client that has no profile for it',
    status: 400,
    body: { error: 'Bad Request', status: 400, message: 'Invalid refresh token' },
    expected: { failure: 'client', error: undefined },
  },
  {
    name: 'Atlassian: 403',
    status: 403,
    body: { error: 'invalid_grant', error_description: 'Unknown or invalid refresh token.' },
    expected: { failure: dead },
  },
  {
    name: 'Atlassian: 403 in other words',
    status: 403,
    body: { error: 'unauthorized_client', error_description: 'refresh_token is invalid' },
    expected: { failure: dead },
  },
  {
    name: 'Atlassian: a client that is refused',
    status: 403,
    body: { error: 'unauthorized_client', error_description: 'Client is not allowed' },
    expected: { failure: 'client', error: 'unauthorized_client' },
  },
  { name: 'WorkOS', status: 400, body: { error: 'invalid_grant' }, expected: { failure: dead } },
  {
    name: 'Linear',
    status: 400,
    body: { error: 'invalid_grant', error_description: 'Grant not found' },
    expected: { failure: dead },
  },
  {
    name: 'atproto: a nonce first',
    status: 400,
    body: { error: 'use_dpop_nonce', error_description: 'Authorization server requires nonce in DPoP proof' },
    expected: { failure: 'transient', error: 'use_dpop_nonce' },
  },
  {
    name: 'a token endpoint that introspects',
    status: 401,
    body: { error: 'token_inactive' },
    expected: { failure: dead },
  },
  {
    name: 'a gateway that is down, with the body of the server behind it (N29)',
    status: 503,
    body: { error: 'invalid_grant' },
    expected: { failure: 'transient', error: 'invalid_grant' },
  },
  {
    name: 'a firewall',
    status: 403,
    contentType: html,
    body: '<html><head><title>403 Forbidden</title></head></html>',
    expected: { failure: 'transient', error: undefined, details: {} },
  },
  {
    name: 'a captive portal that redirects',
    status: 307,
    contentType: html,
    body: '<a href="https://portal.example/?access_token=x">Sign in</a>',
    expected: { failure: 'client', status: 307 },
  },
];

describe('refusals', () => {
  test.each(refusals)('of $name', ({ name, status = 400, body, contentType, expected }) => {
    const profile = profileOf(name);
    const outcome = parseTokenResponse(
      answered(status, body, contentType ? { contentType } : {}),
      profile,
      now,
    );
    expect(outcome).toMatchObject({ kind: 'refused', ...expected });
  });
});

test('a captive portal that answers 200 in place of the server grants nothing and refuses nothing', () => {
  const page =
    '<!DOCTYPE html><html><body><form action="/?error=0">Welcome to our network</form></body></html>';
  expect(parseTokenResponse(answered(200, page, { contentType: html }), undefined, now).kind).toBe(
    'unreadable',
  );
});
