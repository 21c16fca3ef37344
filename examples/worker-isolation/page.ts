/** The page begins logins, calls the API and shows what is protected. It never holds a token. */
import { startLogin } from 'tokenkeep/login';
import { connectTokenManager } from 'tokenkeep/worker';
import { api, client, isShared, type ReturnedLogin } from './client.ts';
import worker from './worker.ts?worker&url';

const find = <Kind extends Element>(selector: string) => document.querySelector(selector) as Kind;
const show = (text: string): void => find('output').replaceChildren(text);
/** Errors say what to do, and hold no token. */
const tell = (work: Promise<unknown>): void => void work.catch((error: Error) => show(error.message));

if (!isShared) tell(navigator.serviceWorker.register(worker));
const tokens = connectTokenManager({
  worker: () => (isShared ? new SharedWorker(worker) : navigator.serviceWorker),
});

async function signIn(): Promise<void> {
  const pending = new Map<string, string>();
  const redirectUri = `${location.origin}/callback`;
  const scope = ['openid', 'offline_access', 'read'];
  const { url } = await startLogin({ ...client, redirectUri, scope, pending });
  sessionStorage.setItem('login', JSON.stringify([...pending])); // this page will be gone
  location.assign(url);
}

/** The worker exchanges the code: the tokens are never here. */
async function comeBack(callback: string): Promise<void> {
  const pending = new Map<string, string>(JSON.parse(sessionStorage.getItem('login') ?? '[]'));
  sessionStorage.removeItem('login');
  history.replaceState(null, '', '/');
  const { claims } = await tokens.login({ callback, pending } satisfies ReturnedLogin);
  show(`Hello ${claims?.sub}.`);
}

async function load(): Promise<void> {
  const response = await tokens.fetch(`${api}orders`);
  show(`${response.status} ${await response.text()}`);
  const picture = find<HTMLImageElement>('img');
  if (isShared) {
    // Only a service worker is asked for what elements load.
    picture.src = URL.createObjectURL(await (await tokens.fetch(`${api}picture`)).blob());
  } else {
    picture.src = `${api}picture`;
    find<HTMLVideoElement>('video').src = `${api}sound`;
  }
}

const on = (button: string, act: () => Promise<unknown>): void =>
  find(button).addEventListener('click', () => tell(act()));
on('#sign-in', signIn);
on('#load', load);
on('#sign-out', () => tokens.signOut());
tokens.on('signedOut', () => show('Signed out.'));
tokens.on('sessionEnded', () => show('Please sign in again.'));
if (location.pathname === '/callback') tell(comeBack(location.href));
