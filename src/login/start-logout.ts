/**
 * The first half of a logout that ends the session at the provider as well (OpenID Connect RP-Initiated Logout).
 *
 * @module
 */

import { withTimeout } from '../async/abortable.ts';
import { base64url } from '../core/base64url.ts';
import { requireEndpoint } from '../core/http/endpoint.ts';
import { safeCause } from '../core/http/network-error.ts';
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import { decodeJwtClaims } from '../core/oauth/jwt-claims.ts';
import { internalsOf, type ManagerInternals } from '../manager-internals.ts';
import { keepAlive } from '../platform/environment.ts';
import { randomBytes } from '../platform/web-crypto.ts';
import type { ManagerContext } from '../session/manager-context.ts';
import type { Session } from '../session/session.ts';
import { issuersOf } from '../token-endpoint/authorization-server-resolver.ts';
import {
  checkLogout,
  type IdTokenHint,
  type SignedOutHereReason,
  type StartedLogout,
  type StartLogoutOptions,
} from './logout-options.ts';
import type { PendingLogins } from './pending-entries.ts';
import { pendingLogouts, withoutState } from './pending-logouts.ts';

/** Logouts in progress: a second click must not begin one that has no ID token left. */
const logouts: WeakMap<Session, Promise<StartedLogout>> = new WeakMap();

/**
 * Ends the session of the manager as `signOut()` does, then returns the URL at which the provider ends its own session of the
 * user. It goes nowhere by itself. The user is signed out here whatever the provider does: metadata that cannot be read and a
 * revocation that hangs delay this for at most `timeout` each, and the result says so. A second call joins the logout that is in
 * progress, whatever its options.
 *
 * @example
 * ```ts
 * import type { TokenManager } from 'tokenkeep';
 * import { startLogout } from 'tokenkeep/login';
 *
 * async function onSignOutClick(manager: TokenManager): Promise<void> {
 *   const redirectUri = 'https://app.example.com/signed-out'; // there: completeLogout()
 *   const logout = await startLogout({ manager, redirectUri, pending: sessionStorage });
 *   if (logout.outcome === 'redirect') location.assign(logout.url);
 *   else console.warn(`You may still be signed in at the provider: ${logout.reason}`);
 * }
 * ```
 * @throws ConfigurationError for wrong options: nothing was removed. StorageError when the storage did not delete the tokens: they
 *   are not used here any more.
 * @see https://openid.net/specs/openid-connect-rpinitiated-1_0.html
 */
export async function startLogout(options: StartLogoutOptions): Promise<StartedLogout> {
  const internals = checkLogout(options, internalsOf(options?.manager));
  const { session } = internals;
  const joined = logouts.get(session);
  if (joined !== undefined) return await joined;
  const logout = keepAlive(endSession(internals, options)).finally(() => logouts.delete(session));
  logouts.set(session, logout);
  return await logout;
}

/** A result without its revocation, while that is not needed. */
type LogoutRequest<Result = StartedLogout> = Result extends unknown ? Omit<Result, 'revocation'> : never;

async function endSession(
  { context, session }: ManagerInternals,
  options: StartLogoutOptions,
): Promise<StartedLogout> {
  const { manager, revoke, timeout = 2_000 } = options;
  const limit = { clock: context.clock, timeout };
  // First the ID token, which is removed with the session. A storage that does not answer must not keep the user signed in.
  const idToken = await withTimeout(limit, () => manager.getTokens()).then(
    (tokens): FoundIdToken => ({ token: tokens?.idToken }),
    (): FoundIdToken => 'unreadable',
  );
  // The metadata is read while the tokens are revoked, so that one wait does not follow the other.
  const reading: Promise<FoundServer> = withTimeout(limit, () => context.server.resolve()).then(
    (server) => ({ kind: 'found', server }),
    (error) => ({ kind: 'not-found', cause: safeCause(error, []) }),
  );
  const revocation = await manager.signOut({ revoke, timeout });
  // Meanwhile someone may have signed in again, here or in another tab: then the session at the server is theirs.
  const isSignedIn = await withTimeout(limit, () => manager.getTokens()).then(
    (tokens) => tokens !== undefined,
    () => !session.isSignedOut,
  );
  if (isSignedIn) return { ...signedOutHere('signed_in_again'), revocation };
  return { ...(await logoutRequest(await reading, idToken, context, options)), revocation };
}

type FoundServer =
  | { readonly kind: 'found'; readonly server: AuthorizationServer }
  | { readonly kind: 'not-found'; readonly cause: Error | undefined };

/** The stored ID token, if there is one. */
type FoundIdToken = { readonly token: string | undefined } | 'unreadable';

async function logoutRequest(
  found: FoundServer,
  idToken: FoundIdToken,
  { clientId, clock }: ManagerContext,
  options: StartLogoutOptions,
): Promise<LogoutRequest> {
  if (found.kind === 'not-found') return signedOutHere('no_response', found.cause);
  const { server } = found;
  const endpoint = server.endSessionEndpoint ?? server.metadata?.['end_session_endpoint'];
  if (endpoint === undefined) return signedOutHere('no_endpoint');
  try {
    requireEndpoint('authorizationServer.endSessionEndpoint', endpoint);
  } catch (error) {
    return signedOutHere('unusable_endpoint', error as Error);
  }
  // The metadata of a server describes the form of OpenID Connect only.
  const ownForm = server.endSessionEndpoint && server.endSessionRedirectParameter;
  const state = ownForm ? withoutState : base64url(randomBytes(32));
  const { redirectUri, pending, returnTo, lifetime = 600_000 } = options;
  if (redirectUri !== undefined) {
    const now = clock.Date.now();
    const logout = { redirectUri, returnTo, expiresAt: now + lifetime };
    try {
      await pendingLogouts.store(pending as PendingLogins, state, logout, now);
    } catch (error) {
      return signedOutHere('not_pending', error as Error);
    }
  }
  const idTokenHint = ownForm ? 'unsupported' : idTokenHintOf(idToken, server, clientId, options);
  const request = ownForm
    ? { [ownForm]: redirectUri }
    : {
        id_token_hint: idTokenHint === 'sent' ? tokenOf(idToken) : undefined,
        logout_hint: options.logoutHint,
        post_logout_redirect_uri: redirectUri,
        state: redirectUri && state,
      };
  const url = urlOf(endpoint as string, { ...options.parameters, client_id: clientId, ...request });
  return { outcome: 'redirect', url, idTokenHint };
}

/** The query of the endpoint is kept. */
function urlOf(endpoint: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const url = new URL(endpoint);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url.href;
}

function signedOutHere(
  reason: SignedOutHereReason,
  cause?: Error | undefined,
): LogoutRequest<Extract<StartedLogout, { readonly outcome: 'signed-out-here' }>> {
  return { outcome: 'signed-out-here', reason, ...(cause && { cause }) };
}

const tokenOf = (idToken: FoundIdToken) => (idToken === 'unreadable' ? undefined : idToken.token);

/** Law tokens-stay-home: an ID token goes to the server that issued it to this client, and to no other. It may have expired. */
function idTokenHintOf(
  idToken: FoundIdToken,
  server: AuthorizationServer,
  clientId: string,
  { idTokenHint = true }: StartLogoutOptions,
): IdTokenHint {
  if (!idTokenHint) return 'not_requested';
  const token = tokenOf(idToken);
  if (idToken !== 'unreadable' && token === undefined) return 'none';
  const claims = decodeJwtClaims(token);
  if (claims === undefined) return 'unreadable';
  const audience: readonly unknown[] = [claims['aud']].flat();
  const isOwn = issuersOf(server).includes(claims['iss'] as string) && audience.includes(clientId);
  return isOwn ? 'sent' : 'other_issuer';
}
