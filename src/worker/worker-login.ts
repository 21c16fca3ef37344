/**
 * Completion of a login in a worker.
 *
 * @module
 */
import type { TokenResponse, TokenSet } from '../core/oauth/token-set.ts';

/** Result of a login of `tokenkeep/login`. */
export interface WorkerLogin {
  readonly tokens: TokenSet;
  /** The place in the application to return to. */
  readonly returnTo?: string | undefined;
  /** Validates the ID token, and returns its claims. */
  idTokenClaims(): SignedIn['claims'];
}

/** The part of a worker's login that a page receives: the user, and no token. */
export interface SignedIn {
  /** The place in the application to return to. */
  readonly returnTo: string | undefined;
  /** Claims of the validated ID token. `undefined`: the login of the worker returned none. */
  readonly claims: { readonly sub: string; readonly [claim: string]: unknown } | undefined;
}

/** The part of a `TokenManager` that is used. */
interface SignInManager {
  setTokens(tokens: TokenSet | TokenResponse): Promise<void>;
  signOut(): Promise<unknown>;
}

/** Stores the tokens first, then validates the ID token. If the ID token is invalid, it signs out again. */
export async function completeWorkerLogin(
  manager: SignInManager,
  given: WorkerLogin | TokenSet | TokenResponse,
): Promise<SignedIn> {
  if (!isLogin(given)) {
    await manager.setTokens(given);
    return { returnTo: undefined, claims: undefined };
  }
  const { claims, fault } = checkClaims(given);
  // An invalid ID token is dropped: calls of the user in it would otherwise continue with these tokens (law one-login).
  const tokens = fault === undefined ? given.tokens : { ...given.tokens, idToken: undefined };
  const problem = await manager.setTokens(tokens).then(
    () => undefined,
    (error: unknown) => error,
  );
  // Tokens that the storage has rejected are in use as well.
  if (fault !== undefined) {
    await manager.signOut();
    throw fault;
  }
  if (problem !== undefined) throw problem;
  return { returnTo: given.returnTo, claims };
}

function checkClaims(login: WorkerLogin): { readonly claims?: SignedIn['claims']; readonly fault?: unknown } {
  try {
    return { claims: login.idTokenClaims() };
  } catch (fault) {
    return { fault };
  }
}

/** Returns whether the value is a login. Data from JSON has no methods. */
function isLogin(given: WorkerLogin | TokenSet | TokenResponse): given is WorkerLogin {
  return 'idTokenClaims' in given && typeof given.idTokenClaims === 'function';
}
