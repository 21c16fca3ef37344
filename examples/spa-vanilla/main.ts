/// <reference types="vite/client" />
import { discover, isTokenKeepError, TokenManager } from 'tokenkeep';
import { indexedDbStorage } from 'tokenkeep/browser';
import { redirectLogin } from 'tokenkeep/login';

const { VITE_ISSUER = 'http://127.0.0.1:4000', VITE_API = 'http://127.0.0.1:4001/' } = import.meta.env;
const manager = new TokenManager({
  clientId: 'spa',
  authorizationServer: discover(VITE_ISSUER),
  protectedResources: [VITE_API],
  storage: indexedDbStorage(),
});
const scope = ['openid', 'offline_access', 'read'];
const login = redirectLogin({ manager, redirectUri: '/', scope, pending: () => sessionStorage });

/** Finishes the login if the user has just returned from the authorization server. */
async function finishLogin(): Promise<void> {
  const result = await login.finish();
  if (result.outcome === 'signed-in') history.replaceState(null, '', result.returnTo);
}

async function callApi(): Promise<void> {
  const response = await manager.fetch(`${VITE_API}orders`);
  if (!response.ok) throw new Error(`The API says ${response.status}.`);
  const { user, generation } = await response.json();
  part('answer').textContent = `Hello ${user}, said the API to access token ${generation}.`;
}

const part = (id: string) => document.getElementById(id) as HTMLElement;

function show(isSignedIn: boolean, problem = ''): void {
  part('status').textContent = `You are signed ${isSignedIn ? 'in' : 'out'}.`;
  part('problem').textContent = problem;
  part('sign-in').hidden = isSignedIn;
  part('signed-in').hidden = !isSignedIn;
}

async function attempt(act: () => Promise<unknown>): Promise<void> {
  part('problem').textContent = '';
  try {
    await act();
  } catch (error) {
    part('problem').textContent = isTokenKeepError(error) ? error.message : 'That did not work. Try again.';
  }
}

part('sign-in').onclick = () => attempt(() => login.begin({ returnTo: location.href }));
part('sign-out').onclick = () => attempt(() => manager.signOut());
part('call').onclick = () => attempt(callApi);
manager.on('signedIn', () => show(true)); // here, or in another tab
manager.on('signedOut', () => show(false));
manager.on('sessionEnded', () => show(false, 'Please sign in again.'));
await attempt(() => finishLogin().finally(async () => show((await manager.getTokens()) !== undefined)));
