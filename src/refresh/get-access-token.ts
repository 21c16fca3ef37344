/**
 * Requests for an access token by the application.
 *
 * @module
 */

import { checkIndicators, checkScope } from '../core/http/protected-resource.ts';
import type { AccessTokenRequest } from '../core/oauth/token-set.ts';
import { emptyObject, ownMembers } from '../core/own-members.ts';
import { isSameLogin, type LoginIdentity } from '../core/session/login-identity.ts';
import { variantOf, wholeGrant } from '../core/session/session-record.ts';
import type { ManagerContext } from '../session/manager-context.ts';
import type { Session } from '../session/session.ts';
import { loginRequired } from '../session/session-errors.ts';
import type { TokenQuery, TokenSource } from './token-source.ts';

/**
 * Gets an access token for {@link TokenManager.getAccessToken}. A rejected token is evidence only for its own login: it is no
 * reason to return a token of another login.
 *
 * @param initialLogin the login under which the caller began. @default the login of the rejected token, or the current one
 * @throws ConfigurationError for an invalid scope or resource, and for a session in cookies; the errors of {@link
 *   TokenSource.get}.
 */
export function getAccessToken(
  { grant, clock }: ManagerContext,
  source: TokenSource,
  session: Session,
  request?: AccessTokenRequest,
  initialLogin?: LoginIdentity,
): Promise<string> {
  if (grant.kind === 'token-handler') return Promise.reject(grant.tokenUnavailable());
  if (request === undefined) {
    const cached = session.usableToken(wholeGrant, clock.Date.now());
    if (cached !== undefined) {
      cached.promise ??= Promise.resolve(cached.token);
      return cached.promise;
    }
  }
  return requestAccessToken(source, session, request, initialLogin);
}

async function requestAccessToken(
  source: TokenSource,
  session: Session,
  given: AccessTokenRequest = emptyObject,
  initialLogin: LoginIdentity | undefined,
): Promise<string> {
  const request = ownMembers(given);
  const { rejectedToken } = request;
  const owner = rejectedToken === undefined ? undefined : session.loginOfToken(rejectedToken);
  if (!isSameLogin(initialLogin, owner)) throw loginRequired('login_changed');
  const { token } = await source.get(session, { ...queryOf(request), login: initialLogin ?? owner });
  return token;
}

function queryOf({ scope, resource, rejectedToken, signal }: AccessTokenRequest): TokenQuery {
  const scopes = scope && checkScope(scope, 'The scope of getAccessToken()');
  const resources =
    resource === undefined ? undefined : checkIndicators(resource, 'The resource of getAccessToken()');
  return { variant: variantOf(scopes, resources), scope: scopes, resource: resources, rejectedToken, signal };
}
