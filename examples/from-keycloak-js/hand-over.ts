/** keycloak-js logs in, once more for the last time; tokenkeep has the session from then on. */
import type Keycloak from 'keycloak-js';
import { TokenManager, type TokenStorage } from 'tokenkeep';
import { indexedDbStorage } from 'tokenkeep/browser';
import { type ImportResult, importSession, type LegacySession } from 'tokenkeep/login';
import { keycloak } from 'tokenkeep/providers';

export interface Realm {
  readonly url: string;
  readonly realm: string;
  readonly clientId: string;
  readonly api: string;
  readonly storage?: TokenStorage;
}

export function openManager({
  url,
  realm,
  clientId,
  api,
  storage = indexedDbStorage(),
}: Realm): TokenManager {
  const authorizationServer = keycloak({ url, realm });
  return new TokenManager({ clientId, authorizationServer, protectedResources: [api], storage });
}

/** At once after `kc.init()`, before anybody calls `kc.updateToken()`. */
export function handOver(manager: TokenManager, kc: Keycloak): Promise<ImportResult> {
  return importSession(manager, legacySession(kc));
}

/** It keeps its tokens in memory only. */
function legacySession(kc: Keycloak): LegacySession {
  return {
    read() {
      const { token, refreshToken, idToken, tokenParsed, timeSkew } = kc;
      if (token === undefined) return undefined;
      if (refreshToken === undefined) return { refused: 'it has no refresh token' };
      const { exp } = tokenParsed ?? {};
      return {
        accessToken: token,
        refreshToken,
        idToken,
        // By the clock of this machine: `exp` is by that of the server.
        expiresAt: exp === undefined ? undefined : (exp + (timeSkew ?? 0)) * 1_000,
      };
    },
    remove() {
      // Its timer calls this, and what it calls refreshes.
      delete kc.onTokenExpired;
      // Without it `updateToken()` throws and sends nothing, for any code that still calls it.
      delete kc.refreshToken;
      delete kc.token;
    },
  };
}
