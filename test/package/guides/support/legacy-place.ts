/** A user who is logged in by an older library: the strict server over HTTP, and the storage of a browser. */
import { isTokenKeepError, memoryStorage, type TokenStorage } from 'tokenkeep';
import { authorizationServer, type TestAuthorizationServer } from 'tokenkeep/testing';
import { MemoryWebStorage } from './web-storage.ts';

export interface LegacyPlace extends AsyncDisposable {
  readonly server: TestAuthorizationServer;
  readonly issuer: string;
  readonly tokenEndpoint: string;
  /** Ends with a slash. */
  readonly api: string;
  readonly clientId: string;
  /** Of the old code, shared by all tabs. */
  readonly store: MemoryWebStorage;
  /** Of the new code, shared by all tabs. */
  readonly storage: TokenStorage;
  /** The tokens of the old code's login. */
  readonly accessToken: string;
  readonly refreshToken: string;
}

export async function legacyPlace(): Promise<LegacyPlace> {
  const server = authorizationServer();
  const { url: issuer, apiUrl, metadata, close } = await server.listen();
  const { access_token: accessToken, refresh_token } = server.signIn({ issuer });
  return {
    server,
    issuer,
    tokenEndpoint: metadata.tokenEndpoint,
    api: `${apiUrl}/`,
    clientId: 'test-client',
    store: new MemoryWebStorage(),
    storage: memoryStorage(),
    accessToken,
    refreshToken: String(refresh_token),
    [Symbol.asyncDispose]: close,
  };
}

/** The only two items of code that many have written. */
export function withTwoItems(place: LegacyPlace): LegacyPlace {
  place.store.setItem('accessToken', place.accessToken);
  place.store.setItem('refreshToken', place.refreshToken);
  return place;
}

/** The result, without a throw. */
export const outcome = (call: Promise<{ readonly status: number }>): Promise<number | string> =>
  call.then(
    ({ status }) => status,
    (error: { status?: number; message: string }) =>
      isTokenKeepError(error) ? error.code : (error.status ?? error.message),
  );
