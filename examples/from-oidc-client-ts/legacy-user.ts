/** Where oidc-client-ts keeps its user, as `importSession()` wants to have it. */
import type { LegacySession, LegacyTokens } from 'tokenkeep/login';

export interface LegacySettings {
  /** As in its settings, to the letter: both are part of the name. */
  readonly authority: string;
  readonly clientId: string;
  /** The storage of its `userStore`: by default `sessionStorage`. */
  readonly store: Storage;
  /** The issuer, as in the metadata. */
  readonly issuer: string;
}

export function legacyUser({ authority, clientId, store, issuer }: LegacySettings): LegacySession {
  const name = `oidc.user:${authority}:${clientId}`;
  return {
    read() {
      const text = store.getItem(name);
      return text === null ? undefined : tokensIn(parsed(text), { clientId, issuer });
    },
    remove: () => store.removeItem(name),
  };
}

type User = Readonly<Record<string, unknown>>;

/** Whatever stands in a storage may have been put there by anyone: nothing is taken for granted. */
function tokensIn(user: User | undefined, own: { clientId: string; issuer: string }): LegacyTokens {
  if (user === undefined) return { refused: 'it is not well-formed' };
  const { access_token: accessToken, refresh_token: refreshToken, token_type: type = 'Bearer' } = user;
  const { profile, expires_at: expiry, scope, id_token: idToken, session_state } = user;
  if (!isText(accessToken)) return { refused: 'it has no access token' };
  if (!isText(refreshToken)) return { refused: 'it has no refresh token' };
  // Bound to a key that oidc-client-ts keeps in a database of its own.
  if (!isText(type) || type.toLowerCase() !== 'bearer')
    return { refused: 'its tokens are not bearer tokens' };
  const { iss = own.issuer, aud = own.clientId } = (profile ?? {}) as User;
  if (iss !== own.issuer) return { refused: 'another server has issued it' };
  if (![aud].flat().includes(own.clientId)) return { refused: 'it was issued to another client' };
  return {
    accessToken,
    refreshToken,
    ...(Number.isFinite(expiry) && { expiresAt: Number(expiry) * 1_000 }), // over or not: it can be refreshed
    ...(isText(scope) && { scope: scope.split(' ') }),
    ...(isText(idToken) && { idToken }),
    ...(isText(session_state) && { extra: { session_state } }),
  };
}

function parsed(text: string): User | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as User) : undefined;
  } catch {
    return undefined;
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
