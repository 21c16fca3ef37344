/**
 * GitHub.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import { origin } from './address.ts';

/** Options of {@link github}. */
export interface GithubOptions {
  /** Domain of a GitHub Enterprise Server. @default 'github.com' */
  readonly domain?: string | undefined;
}

/**
 * Returns GitHub's authorization server, for GitHub Apps whose user tokens expire, and for OAuth apps, whose tokens do not. A refresh
 * also ends the old access token at once. Refusals have status 200. It has no revocation endpoint of RFC 7009: sign-out is local.
 *
 * @throws ConfigurationError for an invalid domain.
 * @see https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens
 */
export function github({ domain = 'github.com' }: GithubOptions = {}): AuthorizationServer {
  const base = origin('github({ domain })', domain);
  return {
    authorizationEndpoint: `${base}/login/oauth/authorize`,
    tokenEndpoint: `${base}/login/oauth/access_token`,
    deviceAuthorizationEndpoint: `${base}/login/device/code`,
    profile: { errorDetails: ['error_uri'] },
  };
}
