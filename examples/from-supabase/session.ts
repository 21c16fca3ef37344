/** Supabase Auth as an authorization server: refreshes in JSON, with the key of the project, and codes of its own. */
import { type AuthorizationServer, TokenManager, type TokenStorage } from 'tokenkeep';
import { indexedDbStorage } from 'tokenkeep/browser';
import { type ImportResult, importSession } from 'tokenkeep/login';
import { legacySession } from './legacy-session.ts';

export interface Project {
  /** `https://<ref>.supabase.co`, without a slash at the end. */
  readonly url: string;
  /** The publishable or `anon` key. It is no secret. */
  readonly key: string;
  /** "Refresh token reuse interval" of the project's settings, in ms: 10 s unless somebody has changed it. */
  readonly reuseInterval: number;
  readonly store: Storage;
  readonly storage?: TokenStorage;
}

const dead = [
  'refresh_token_not_found',
  'refresh_token_already_used',
  'session_not_found',
  'session_expired',
];

function serverOf({ url, reuseInterval }: Project): AuthorizationServer {
  return {
    issuer: `${url}/auth/v1`,
    tokenEndpoint: `${url}/auth/v1/token?grant_type=refresh_token`,
    profile: {
      requestEncoding: 'json',
      reuseWindow: reuseInterval,
      errorFields: ['code', 'error_code', 'error'],
      errorCodes: Object.fromEntries(dead.map((code) => [code, 'invalid-grant'])),
    },
  };
}

export async function openSession(project: Project): Promise<{ manager: TokenManager; taken: ImportResult }> {
  const { url, key, store, storage = indexedDbStorage() } = project;
  const manager = new TokenManager({
    clientId: 'supabase', // It knows no clients, and ignores this.
    authorizationServer: serverOf(project),
    protectedResources: [`${url}/`],
    tokenRequest: { headers: { apikey: key, 'x-supabase-api-version': '2024-01-01' } },
    storage,
  });
  const taken = await importSession(manager, legacySession(url, store));
  if (taken.outcome === 'refused') console.warn(`The old session cannot be used: ${taken.reason}. Log in.`);
  return { manager, taken };
}

/** There, too: Supabase has no revocation endpoint of RFC 7009, but this. Here it ends whatever the server says. */
export async function signOut(manager: TokenManager, { url, key }: Project): Promise<void> {
  const logout = `${url}/auth/v1/logout?scope=local`;
  const ending = manager.fetch(logout, { method: 'POST', headers: { apikey: key } });
  await ending.then((response) => response.body?.cancel()).catch(() => undefined);
  await manager.signOut();
}
