/** A page: it calls the API, signs in and signs out, and never sees a token. */
import { isTokenKeepError } from 'tokenkeep';
import { connectTokenManager, type TokenManagerBridge } from 'tokenkeep/electron';

declare const tokenkeep: TokenManagerBridge; // exposed by the preload script
declare const API: string; // replaced by the build

const manager = connectTokenManager(tokenkeep);
const status = document.getElementById('status') as HTMLElement;

async function load(): Promise<string> {
  const response = await manager.fetch(API);
  return response.ok ? `Signed in as ${(await response.json()).user}.` : `The API says ${response.status}.`;
}
async function signIn(): Promise<string> {
  await manager.login();
  return await load();
}
async function signOut(): Promise<string> {
  await manager.signOut();
  return 'Signed out.';
}

/** Every error says what to do; the page says it to the user. */
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
// Changes in the other windows, in other running copies, and at the server.
manager.on('signedIn', () => show(load));
manager.on('signedOut', () => show(async () => 'Signed out.'));
manager.on('sessionEnded', ({ error }) => show(async () => told(error)));
void show(load);
