/**
 * Responses of resource servers that refuse a request, by the name of the server.
 *
 * @module
 */
import type { ServerResponse } from './http-exchange.ts';
import { base64, bytesOf, json } from './http-exchange.ts';

/** A response of a resource server that refuses a request. */
export type Refusal = ServerResponse;

/** The names of {@link refusals}. */
export type RefusalStyle = keyof typeof refusals;

function refusal(status: number, body: unknown, challenge?: string): Refusal {
  return json(status, body, challenge === undefined ? {} : { 'www-authenticate': challenge });
}

const unauthorized = { code: 401, message: 'Unauthorized' };

/**
 * Responses of real resource servers to an invalid access token. Most deviate from RFC 6750.
 *
 * @example One 401 for a valid token, in the format of GitHub
 * ```ts
 * import { authorizationServer, refusals } from 'tokenkeep/testing';
 *
 * const server = authorizationServer();
 * server.fail({ response: refusals.github }, { on: 'api' });
 * ```
 */
export const refusals: Readonly<
  Record<
    | 'rfc6750'
    | 'noChallenge'
    | 'permission'
    | 'gateway'
    | 'graph'
    | 'google'
    | 'github'
    | 'salesforce'
    | 'hubspot'
    | 'slack'
    | 'spotify'
    | 'twitch'
    | 'xero'
    | 'linkedin'
    | 'facebook'
    | 'atproto',
    Refusal
  >
> = {
  /** The standard case: Curity, Cloudentity, Okta, APIs behind Auth0. */
  rfc6750: refusal(401, { error: 'invalid_token' }, 'Bearer realm="api", error="invalid_token"'),
  /** A 401 without any challenge. */
  noChallenge: refusal(401, unauthorized),
  /** A 401 for a missing permission: the token is valid, and a new one does not help. */
  permission: refusal(401, { error: 'not_allowed', message: 'You may not do this.' }),
  /** API gateways: nginx, Kong, AWS. */
  gateway: refusal(401, { message: 'Unauthorized' }),
  graph: refusal(
    401,
    {
      error: {
        code: 'InvalidAuthenticationToken',
        message: 'Lifetime validation failed, the token is expired.',
      },
    },
    'Bearer realm="", error="invalid_token", error_description="The token is expired"',
  ),
  google: refusal(
    401,
    {
      error: {
        code: 401,
        status: 'UNAUTHENTICATED',
        message: 'Request had invalid authentication credentials.',
      },
    },
    'Bearer realm="https://accounts.google.com/", error="invalid_token"',
  ),
  github: refusal(401, { message: 'Bad credentials', documentation_url: 'https://docs.github.com/rest' }),
  /** An array, and a proprietary scheme. */
  salesforce: refusal(
    401,
    [{ errorCode: 'INVALID_SESSION_ID', message: 'Session expired or invalid' }],
    'Token',
  ),
  hubspot: refusal(401, {
    status: 'error',
    category: 'EXPIRED_AUTHENTICATION',
    message: 'The OAuth token used to make this call expired 5 minute(s) ago.',
  }),
  /** A 200. */
  slack: refusal(200, { ok: false, error: 'token_expired' }),
  spotify: refusal(401, { error: { status: 401, message: 'The access token expired' } }),
  /** A challenge with another scheme than the request. */
  twitch: refusal(
    401,
    { error: 'Unauthorized', status: 401, message: 'Invalid OAuth token' },
    'OAuth realm="TwitchTV", error="invalid_token"',
  ),
  xero: refusal(
    401,
    { Type: null, Title: 'Unauthorized', Status: 401, Detail: 'TokenExpired: token expired' },
    'OAuth Realm="api.xero.com"',
  ),
  linkedin: refusal(401, { serviceErrorCode: 65601, message: 'The token has been revoked', status: 401 }),
  /** A 400. */
  facebook: refusal(
    400,
    { error: { message: 'Error validating access token', type: 'OAuthException', code: 190 } },
    'OAuth "Facebook Platform" "invalid_token" "Error validating access token"',
  ),
  atproto: refusal(401, { error: 'InvalidToken' }, 'DPoP error="invalid_token", algs="ES256"'),
};

/** Returns a 403 that names the missing scope (RFC 6750 §3.1). A refresh does not help. */
export function insufficientScope(...scope: readonly string[]): Refusal {
  return refusal(
    403,
    { error: 'insufficient_scope' },
    `Bearer error="insufficient_scope", scope="${scope.join(' ')}"`,
  );
}

/** Returns a 401 that requires claims in the next access token, as Microsoft's APIs do. A refresh does not help. */
export function insufficientClaims(claims: Readonly<Record<string, unknown>>): Refusal {
  const encoded = base64(bytesOf(JSON.stringify(claims)));
  return refusal(
    401,
    { error: 'insufficient_claims' },
    `Bearer realm="", error="insufficient_claims", claims="${encoded}"`,
  );
}

/** Returns a 401 that requires a stronger login (RFC 9470 §3). A refresh does not help. */
export function insufficientUserAuthentication(
  requirements: { readonly acrValues?: string; readonly maxAge?: number } = {},
): Refusal {
  const acr = requirements.acrValues === undefined ? '' : `, acr_values="${requirements.acrValues}"`;
  const age = requirements.maxAge === undefined ? '' : `, max_age=${requirements.maxAge}`;
  return refusal(
    401,
    { error: 'insufficient_user_authentication' },
    `Bearer error="insufficient_user_authentication"${acr}${age}`,
  );
}
