/// <reference types="vite/client" />
/** Code with PKCE by redirect: this page goes to the authorization server, and comes back with a code. */
import { discover, type TokenManager } from 'tokenkeep';
import { type RedirectLogin, redirectLogin } from 'tokenkeep/login';

const { VITE_ISSUER = 'http://127.0.0.1:4000' } = import.meta.env;

/** The client that the manager and its login share. */
export const client = { clientId: 'spa', authorizationServer: discover(VITE_ISSUER) };

export function loginOf(manager: TokenManager): RedirectLogin {
  const scope = ['openid', 'offline_access', 'read'];
  return redirectLogin({ manager, redirectUri: '/', scope, pending: () => sessionStorage });
}
