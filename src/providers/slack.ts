/**
 * Slack, with token rotation.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';

/** Errors that a method of the Web API returns in a 200 when the token is not valid. */
const invalidTokenErrors: ReadonlySet<unknown> = new Set(['token_expired', 'token_revoked', 'invalid_auth']);

async function isInvalidToken(response: Response): Promise<boolean> {
  if (response.headers.get('content-type')?.includes('json') !== true) return false; // a file, not a response of a method
  const body: unknown = await response.json().catch(() => undefined);
  const { ok, error } = (body ?? {}) as { readonly ok?: unknown; readonly error?: unknown };
  return ok === false && invalidTokenErrors.has(error);
}

/**
 * Returns Slack's authorization server. Every response has the status 200, refusals too, and the profile recognises them. A login
 * returns up to two chains of tokens: the bot's, and the user's in `authed_user`. They are two sessions: `setTokens(response)` for
 * the one and `forSession('user').setTokens(response.authed_user)` for the other. It has no revocation endpoint of RFC 7009.
 *
 * @see https://docs.slack.dev/authentication/using-token-rotation
 */
export function slack(): AuthorizationServer {
  return {
    authorizationEndpoint: 'https://slack.com/oauth/v2/authorize',
    tokenEndpoint: 'https://slack.com/api/oauth.v2.access',
    profile: {
      bearerTypes: ['bot', 'user'],
      errorCodes: {
        ratelimited: 'transient',
        request_timeout: 'transient',
        service_unavailable: 'transient',
      },
      isInvalidToken,
    },
  };
}
