/**
 * Intuit: QuickBooks.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import type { ReuseOptions } from './reuse.ts';

/** Options of {@link intuit}. */
export interface IntuitOptions extends ReuseOptions {
  /** Reuse window in ms. The refresh token changes about once a day; its overlap with the previous one is undocumented. @default 0 */
  readonly reuseWindow?: number | undefined;
}

/**
 * Returns Intuit's authorization server. Clients authenticate with `clientSecretBasic()`. Responses contain the same refresh token
 * until, about once a day, it changes. Token requests are forms, revocations are JSON.
 *
 * @see https://developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/oauth-2.0
 */
export function intuit({ reuseWindow = 0 }: IntuitOptions = {}): AuthorizationServer {
  return {
    issuer: 'https://oauth.platform.intuit.com/op/v1',
    authorizationEndpoint: 'https://appcenter.intuit.com/connect/oauth2',
    tokenEndpoint: 'https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer',
    revocationEndpoint: 'https://developer.api.intuit.com/v2/oauth2/tokens/revoke',
    profile: { reuseWindow, revocationEncoding: 'json' },
  };
}
