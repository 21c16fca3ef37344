/** Reads the session that supabase-js has stored in `localStorage`, for `importSession()`. */
import type { LegacySession, LegacyTokens } from 'tokenkeep/login';

/** @param url of the project: its first label is part of the name, unless `storageKey` was set. */
export function legacySession(
  url: string,
  store: Storage,
  name: string = `sb-${new URL(url).hostname.split('.')[0]}-auth-token`,
): LegacySession {
  return {
    read() {
      const text = store.getItem(name);
      return text === null ? undefined : tokensIn(text, `${url}/auth/v1`);
    },
    remove() {
      for (const item of [name, `${name}-user`, `${name}-code-verifier`]) store.removeItem(item);
    },
  };
}

/** Whatever stands in a storage may have been put there by anyone: nothing is taken for granted. */
function tokensIn(text: string, issuer: string): LegacyTokens {
  const session = membersOf(() => JSON.parse(text));
  if (session === undefined) return { refused: 'it is not well-formed' };
  const { access_token: accessToken, refresh_token: refreshToken, expires_at: expiry, user } = session;
  if (!isText(accessToken)) return { refused: 'it has no access token' };
  if (!isText(refreshToken)) return { refused: 'it has no refresh token' };
  const claims = membersOf(() =>
    JSON.parse(atob(accessToken.split('.')[1]?.replace(/-/g, '+').replace(/_/g, '/') ?? '')),
  );
  if (claims?.['iss'] !== issuer) return { refused: 'another project has issued it' };
  return {
    accessToken,
    refreshToken,
    ...(Number.isFinite(expiry) && { expiresAt: Number(expiry) * 1_000 }),
    extra: { user },
  };
}

function membersOf(read: () => unknown): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = read();
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
