/// <reference types="vite/client" />
/** Code with PKCE by redirect: this page goes to the authorization server, and comes back with a code. */
import { discover, type TokenManager } from 'tokenkeep';
import { completeLogin, redirectToLogin } from 'tokenkeep/login';

const { VITE_ISSUER = 'http://127.0.0.1:4000' } = import.meta.env;

/** Who signs in where: the same for the manager. */
export const client = { clientId: 'spa', authorizationServer: discover(VITE_ISSUER) };

export async function beginLogin(): Promise<void> {
  const redirectUri = `${location.origin}/`;
  const scope = ['openid', 'offline_access', 'read'];
  await redirectToLogin({ ...client, redirectUri, scope, pending: sessionStorage });
}

/** Ends the login that this page comes back from, if it does. */
export async function finishLogin(manager: TokenManager): Promise<void> {
  const answer = new URL(location.href);
  if (!answer.searchParams.has('state')) return;
  history.replaceState(null, '', answer.pathname); // a code is used once, and belongs into no bookmark
  const login = await completeLogin({ ...client, pending: sessionStorage }, answer);
  await manager.setTokens(login.tokens); // first they are safe …
  try {
    login.idTokenClaims(); // … then it is checked who has come
  } catch (error) {
    await manager.signOut();
    throw error;
  }
}
