/** The page: no token, no client, no expiry. It knows whether somebody is signed in, in all its tabs. */
import { isTokenKeepError, TokenManager } from 'tokenkeep';
import { indexedDbStorage, tokenHandler } from 'tokenkeep/browser';

const headers = { 'token-handler-version': '1' };
const manager = new TokenManager({
  clientId: 'page',
  authorizationServer: tokenHandler({ url: `${location.origin}/session`, headers }),
  protectedResources: [`${location.origin}/api/`],
  storage: indexedDbStorage(), // all tabs share the cookie, so they share what is known of it
});
const status = document.getElementById('status') as HTMLElement;

async function post(path: string, body: object): Promise<Record<string, string>> {
  const response = await fetch(`/session/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error('The login did not work. Please try again.');
  return await response.json();
}
async function load(): Promise<string> {
  const response = await manager.fetch('/api/');
  return response.ok ? `Signed in as ${(await response.json()).user}.` : `The API says ${response.status}.`;
}
async function signIn(): Promise<string> {
  const { authorization_url = '' } = await post('login/start', { return_to: location.href });
  location.assign(authorization_url);
  return 'Signing in…';
}
async function endLogin(): Promise<string> {
  const callback = location.href;
  history.replaceState(null, '', '/'); // its code is used once
  const { return_to } = await post('login/end', { callback });
  history.replaceState(null, '', return_to);
  await manager.setTokens({});
  return await load();
}
async function signOut(): Promise<string> {
  await manager.signOut();
  return 'Signed out.';
}

/** Every error says what to do. */
function told(error: unknown): string {
  if (isTokenKeepError(error) && error.code === 'ERR_LOGIN_REQUIRED') return 'Signed out.';
  return error instanceof Error ? error.message : 'Something went wrong.';
}

/** The latest action wins: a response of the API may arrive after a sign-out. */
let latest = 0;
async function show(doing: () => Promise<string>): Promise<void> {
  const mine = ++latest;
  const text = await doing().catch(told);
  if (mine === latest) status.textContent = text;
}
for (const [id, action] of Object.entries({ 'sign-in': signIn, call: load, 'sign-out': signOut })) {
  document.getElementById(id)?.addEventListener('click', () => show(action));
}
manager.on('signedIn', () => show(load));
manager.on('signedOut', () => show(async () => 'Signed out.'));
manager.on('sessionEnded', ({ error }) => show(async () => told(error)));
void show(location.pathname === '/callback' ? endLogin : load);
