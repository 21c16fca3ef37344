/**
 * The tokens of a login become the session of a manager, if its ID token is right.
 *
 * @module
 */
import { isMisconfigured, LoginFailedError } from '../core/errors.ts';
import type { TokenSet } from '../core/token-set.ts';
import { safeCause } from '../core/transport-failure.ts';
import type { Workshop } from '../flow/attempt.ts';
import type { IdTokenClaims } from './id-token.ts';
import type { Login } from './login.ts';
import { forgetKey } from './login-key.ts';
import { clientOf } from './login-options.ts';
import type { RedirectLoginManager } from './redirect-login-options.ts';

/**
 * Stores the tokens first, then signs a user out again for whom the ID token does not vouch. Tokens that the manager refuses are
 * revoked.
 *
 * @throws LoginFailedError `id_token`, and what `setTokens()` throws.
 */
export async function signInWith(
  manager: RedirectLoginManager,
  login: Login,
  workshop: Workshop,
): Promise<IdTokenClaims | undefined> {
  const problem = await failureOf(manager.setTokens(login.tokens));
  if (isMisconfigured(problem)) {
    await discard(workshop, login.tokens);
    throw problem;
  }
  let claims: IdTokenClaims | undefined;
  try {
    claims = login.idTokenClaims();
  } catch (error) {
    const trouble = await failureOf(manager.signOut());
    throw trouble === undefined ? error : notSignedOut(trouble);
  }
  if (problem !== undefined) throw problem; // the tokens could not be stored; they are in memory and in use
  return claims;
}

function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

async function discard(workshop: Workshop, tokens: TokenSet): Promise<void> {
  const { accessToken, refreshToken, thumbprint } = tokens;
  const client = await clientOf(workshop);
  await workshop.endpoint.revoke(client.server, { accessToken, refreshToken });
  await forgetKey(client, thumbprint);
}

function notSignedOut(cause: unknown): LoginFailedError {
  return new LoginFailedError('The ID token is not for this login, and signing out its user failed.', {
    reason: 'id_token',
    cause: safeCause(cause, []),
  });
}
