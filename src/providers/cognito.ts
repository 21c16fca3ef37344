/**
 * Amazon Cognito.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import { origin, segment } from './address.ts';
import type { ReuseOptions } from './reuse.ts';

/** Options of {@link cognito}. */
export interface CognitoOptions extends ReuseOptions {
  /** The domain of the user pool: `acme.auth.eu-west-1.amazoncognito.com`, or one of your own. */
  readonly domain: string;
  /** Id of the user pool: `eu-west-1_AbCdEf`. Required for ID tokens, because their issuer contains it. @default no issuer */
  readonly userPoolId?: string | undefined;
  /** The "retry grace period" of an app client with rotation, in ms: up to a minute. @default 0 */
  readonly reuseWindow?: number | undefined;
}

/**
 * Returns the authorization server of a Cognito user pool. Without rotation its refresh responses contain no refresh token: that of
 * the login stays valid.
 * Logouts use Cognito's own form, without `state`, and need a `redirectUri`.
 *
 * @throws ConfigurationError for an invalid domain or user pool.
 * @see https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html
 */
export function cognito({ domain, userPoolId, reuseWindow = 0 }: CognitoOptions): AuthorizationServer {
  const base = origin('cognito({ domain })', domain);
  const pool = userPoolId === undefined ? undefined : segment('cognito({ userPoolId })', userPoolId);
  return {
    ...(pool && { issuer: `https://cognito-idp.${pool.split('_', 1)[0]}.amazonaws.com/${pool}` }),
    authorizationEndpoint: `${base}/oauth2/authorize`,
    tokenEndpoint: `${base}/oauth2/token`,
    revocationEndpoint: `${base}/oauth2/revoke`,
    endSessionEndpoint: `${base}/logout`,
    endSessionRedirectParameter: 'logout_uri',
    profile: { reuseWindow },
  };
}
