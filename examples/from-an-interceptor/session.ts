/** Replaces the interceptor. Users stay signed in: the session that the old code has stored is imported once. */
import { discover, TokenManager, type TokenStorage } from 'tokenkeep';
import { indexedDbStorage } from 'tokenkeep/browser';
import { importSession, type LegacySession } from 'tokenkeep/login';

export interface Place {
  readonly issuer: string;
  readonly api: string;
  readonly clientId: string;
  /** Where the old code has its tokens. */
  readonly store: Storage;
  /** Where they are from now on. @default IndexedDB, for all tabs */
  readonly storage?: TokenStorage;
}

/** Once, when the page starts. From then on `manager.fetch` is the fetch of the application. */
export async function openSession({ storage = indexedDbStorage(), ...place }: Place): Promise<TokenManager> {
  const manager = new TokenManager({
    clientId: place.clientId,
    authorizationServer: discover(place.issuer),
    protectedResources: [place.api],
    storage,
  });
  const taken = await importSession(manager, legacySession(place.store));
  if (taken.outcome === 'refused') console.warn(`The old session cannot be used: ${taken.reason}. Log in.`);
  return manager;
}

function legacySession(store: Storage): LegacySession {
  return {
    read() {
      const accessToken = store.getItem('accessToken');
      const refreshToken = store.getItem('refreshToken');
      if (isNone(accessToken) && isNone(refreshToken)) return undefined;
      if (isNone(accessToken) || isNone(refreshToken)) return { refused: 'one of two tokens is missing' };
      return { accessToken, refreshToken }; // nobody knows when they end: the API says it
    },
    remove() {
      store.removeItem('refreshToken'); // first what could be spent
      store.removeItem('accessToken');
    },
  };
}

/** Old code likes to store the text of what was not there. */
function isNone(text: string | null): text is null {
  return text === null || ['', 'null', 'undefined'].includes(text);
}
