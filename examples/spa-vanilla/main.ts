/// <reference types="vite/client" />
import { discover, isTokenKeepError, TokenManager } from 'tokenkeep';
import { indexedDbStorage } from 'tokenkeep/browser';
import { completeLogin, redirectToLogin } from 'tokenkeep/login';

const { VITE_ISSUER = 'http://127.0.0.1:4000', VITE_API = 'http://127.0.0.1:4001/' } = import.meta.env;
const client = { clientId: 'spa', authorizationServer: discover(VITE_ISSUER) };
const manager = new TokenManager({ ...client, protectedResources: [VITE_API], storage: indexedDbStorage() });

async function beginLogin(): Promise<void> {
  const scope = ['openid', 'offline_access', 'read'];
  await redirectToLogin({ ...client, redirectUri: `${location.origin}/`, scope, pending: sessionStorage });
}

async function finishLogin(): Promise<void> {
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

part('sign-in').onclick = () => attempt(beginLogin);
part('sign-out').onclick = () => attempt(() => manager.signOut());
part('call').onclick = () => attempt(callApi);
manager.on('signedIn', () => show(true)); // here, or in another tab
manager.on('signedOut', () => show(false));
manager.on('sessionEnded', () => show(false, 'Please sign in again.'));
await attempt(() => finishLogin().finally(async () => show((await manager.getTokens()) !== undefined)));
