/** The session of this page: who keeps its tokens, and what components show of it. */
import { isTokenKeepError, TokenManager } from 'tokenkeep';
import { indexedDbStorage } from 'tokenkeep/browser';
import { client, loginOf } from './login.ts';

export const api: string = import.meta.env['VITE_API'] ?? 'http://127.0.0.1:4001/';
const storage = indexedDbStorage(); // all tabs of this origin
export const manager = new TokenManager({ ...client, protectedResources: [api], storage });
const login = loginOf(manager);

type State = { readonly status: 'starting' | 'signed in' | 'signed out'; readonly problem?: string };
const starting: State = { status: 'starting' };
const listeners = new Set<() => void>();
let isStarted = false;
// After an edit: Vite disposes of a module only if it accepts itself, so the new one takes over and closes the old one.
const before: typeof session | undefined = import.meta.hot?.data['session'];
let state: State = before?.snapshot() ?? starting;
void before?.manager.close();

/** For `useSyncExternalStore()`. The first subscription starts the session, which never happens on a server. */
export const session = {
  manager,
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    if (!isStarted) void start();
    isStarted = true;
    return () => listeners.delete(listener);
  },
  snapshot: () => state,
  serverSnapshot: () => starting,
};
if (import.meta.hot) import.meta.hot.data['session'] = session;

export const signIn = () => attempt(() => login.begin());
export const signOut = () => attempt(() => manager.signOut());

async function start(): Promise<void> {
  manager.on('signedIn', () => show({ status: 'signed in' })); // here, or in another tab
  manager.on('signedOut', () => show({ status: 'signed out' }));
  manager.on('sessionEnded', () => show({ status: 'signed out', problem: 'Please sign in again.' }));
  await attempt(() => login.finish()); // if the user returns from a login
  await attempt(async () => {
    const tokens = await manager.getTokens();
    show({ ...state, status: tokens === undefined ? 'signed out' : 'signed in' });
  });
}

async function attempt(act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    const problem = isTokenKeepError(error) ? error.message : 'That did not work. Please try again.';
    show({ status: state.status === 'starting' ? 'signed out' : state.status, problem });
  }
}

function show(next: State): void {
  state = next;
  for (const listener of listeners) listener();
}
