/**
 * Use of a login's tokens as the session of a manager, if its ID token is valid.
 *
 * @module
 */
import { isConfigurationError, LoginFailedError } from '../core/errors.ts';
import { safeCause } from '../core/http/network-error.ts';
import type { TokenSet } from '../core/oauth/token-set.ts';
import type { ManagerContext } from '../session/manager-context.ts';
import type { Login } from './login.ts';
import { deleteLoginKey } from './login-key.ts';
import { loginClientOf } from './login-options.ts';
import type { RedirectLoginManager } from './redirect-login-options.ts';
import type { IdTokenClaims } from './validate-id-token.ts';

/**
 * Stores the tokens first, then signs out again if the ID token is not valid for the login. Tokens that the manager
 * rejects are revoked.
 *
 * @throws LoginFailedError `id_token`, and the errors of `setTokens()`.
 */
export async function signInWithLogin(
  manager: RedirectLoginManager,
  login: Login,
  context: ManagerContext,
): Promise<IdTokenClaims | undefined> {
  const problem = await rejectionOf(manager.setTokens(login.tokens));
  if (isConfigurationError(problem)) {
    await revokeTokens(context, login.tokens);
    throw problem;
  }
  let claims: IdTokenClaims | undefined;
  try {
    claims = login.idTokenClaims();
  } catch (error) {
    const failure = await rejectionOf(manager.signOut());
    throw failure === undefined ? error : signOutFailed(failure);
  }
  if (problem !== undefined) throw problem; // the tokens could not be stored; they are in memory and in use
  return claims;
}

function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

async function revokeTokens(context: ManagerContext, tokens: TokenSet): Promise<void> {
  const { accessToken, refreshToken, thumbprint } = tokens;
  const client = await loginClientOf(context);
  await context.endpoint.revoke(client.server, { accessToken, refreshToken });
  await deleteLoginKey(client, thumbprint);
}

function signOutFailed(cause: unknown): LoginFailedError {
  return new LoginFailedError('The ID token is not for this login, and signing out its user failed.', {
    reason: 'id_token',
    cause: safeCause(cause, []),
  });
}
