/** Logins by code and PKCE. One may begin at one worker and end at another: those in progress are in Redis, too. */
import type { TokenManager } from 'tokenkeep';
import { completeLogin, type ItemStore, startLogin } from 'tokenkeep/login';
import { nameOf, newId } from './cookies.ts';
import { client, type Redis } from './sessions.ts';

const scope = ['openid', 'offline_access', 'read', 'write'];
const tenMinutes = 600;

/** The logins that one browser has begun: no other browser can end them. Each is read once. */
function pendingOf(redis: Redis, browser: string): ItemStore {
  const place = (key: string) => `login:${nameOf(browser)}:${key}`;
  return {
    getItem: (key) => redis.getDel(place(key)),
    setItem: (key, value) => redis.set(place(key), value, { EX: tenMinutes }),
    removeItem: () => undefined, // it is gone since it was read
  };
}

export function loginsOf(redis: Redis, manager: TokenManager, origin: string) {
  return {
    /** Where to send the user. */
    async begin(browser: string, user: string | null): Promise<string> {
      // Without consent, servers of OpenID Connect give no refresh token.
      const parameters = { prompt: 'consent', ...(user && { login_hint: user }) };
      const redirectUri = `${origin}/callback`;
      const pending = pendingOf(redis, browser);
      return (await startLogin({ ...client, redirectUri, scope, parameters, pending })).url;
    },

    /** The id of the session: a new one, for one from before the login could be known to somebody else. */
    async end(browser: string, callback: URL): Promise<string> {
      const login = await completeLogin({ ...client, pending: pendingOf(redis, browser) }, callback);
      const id = newId();
      const session = manager.forSession(nameOf(id));
      await session.setTokens(login.tokens); // first they are safe …
      try {
        login.idTokenClaims(); // … then the ID token is checked
      } catch (error) {
        await session.signOut();
        throw error;
      }
      return id;
    },
  };
}
