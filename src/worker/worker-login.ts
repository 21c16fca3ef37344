/**
 * The end of a login that a worker has made.
 *
 * @module
 */
import type { TokenResponse, TokenSet } from '../core/oauth/token-set.ts';

/** Result of a login of `tokenkeep/login`. */
export interface WorkerLogin {
  readonly tokens: TokenSet;
  /** The place in the application that the user comes back to. */
  readonly returnTo?: string | undefined;
  /** Checks the ID token, and says who it is. */
  idTokenClaims(): SignedIn['claims'];
}

/** The part of a worker's login that a page receives: the user, and no token. */
export interface SignedIn {
  /** The place in the application that the user comes back to. */
  readonly returnTo: string | undefined;
  /** Claims of the validated ID token. `undefined`: the login of the worker returned none. */
  readonly claims: { readonly sub: string; readonly [claim: string]: unknown } | undefined;
}

/** The part of a `TokenManager` that is used. */
interface SignInManager {
  setTokens(tokens: TokenSet | TokenResponse): Promise<void>;
  signOut(): Promise<unknown>;
}

/** Stores the tokens first, then checks the ID token. A user whose ID token is wrong is signed out again. */
export async function completeWorkerLogin(
  manager: SignInManager,
  given: WorkerLogin | TokenSet | TokenResponse,
): Promise<SignedIn> {
  if (!isLogin(given)) {
    await manager.setTokens(given);
    return { returnTo: undefined, claims: undefined };
  }
  const { claims, fault } = checkClaims(given);
  // A wrong ID token is dropped: calls of the user in it would otherwise continue with these tokens (law one-login).
  const tokens = fault === undefined ? given.tokens : { ...given.tokens, idToken: undefined };
  const problem = await manager.setTokens(tokens).then(
    () => undefined,
    (error: unknown) => error,
  );
  // Tokens that the storage has refused are in use as well.
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

/** Data that came as JSON has no methods. */
function isLogin(given: WorkerLogin | TokenSet | TokenResponse): given is WorkerLogin {
  return 'idTokenClaims' in given && typeof given.idTokenClaims === 'function';
}
