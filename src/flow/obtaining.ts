/**
 * Requests of an application for an access token.
 *
 * @module
 */
import { isSameLogin, type LoginIdentity } from '../core/login-identity.ts';
import { nothing, ownMembers } from '../core/own-members.ts';
import { checkIndicators, checkScope } from '../core/protected-resource.ts';
import { variantOf } from '../core/session-record.ts';
import type { AccessTokenRequest } from '../core/token-set.ts';
import { loginRequired } from './refusal.ts';
import type { Session } from './session.ts';
import type { TokenQuery, TokenSource } from './token-source.ts';

/**
 * Gets an access token for {@link TokenManager.getAccessToken}. Evidence belongs to a login: a rejected token of one login is no
 * reason to return a token of another.
 *
 * @param began the login under which the caller began. @default the one that the evidence belongs to, or the one that is there now
 * @throws ConfigurationError for a scope or resource that no server could be asked for; what {@link TokenSource.get} throws.
 */
export async function obtain(
  source: TokenSource,
  session: Session,
  given: AccessTokenRequest = nothing,
  began?: LoginIdentity,
): Promise<string> {
  const request = ownMembers(given);
  const { otherThan } = request;
  const owner = otherThan === undefined ? undefined : session.loginOf(otherThan);
  if (!isSameLogin(began, owner)) throw loginRequired('login_changed');
  const { token } = await source.get(session, { ...queryOf(request), login: began ?? owner });
  return token;
}

function queryOf({ scope, resource, otherThan, signal }: AccessTokenRequest): TokenQuery {
  const scopes = scope && checkScope(scope, 'The scope of getAccessToken()');
  const resources =
    resource === undefined ? undefined : checkIndicators(resource, 'The resource of getAccessToken()');
  return { variant: variantOf(scopes, resources), scope: scopes, resource: resources, otherThan, signal };
}
