/** The same instance for the same calls. Refreshes and replays happen beneath it. */
import axios, { type AxiosInstance } from 'axios';
import { discover, isTokenKeepError, TokenManager, type TokenStorage } from 'tokenkeep';
import { indexedDbStorage } from 'tokenkeep/browser';
import { importSession } from 'tokenkeep/login';

export interface After {
  readonly issuer: string;
  readonly api: string;
  readonly clientId: string;
  /** Where the old code has its tokens. */
  readonly store: Storage;
  readonly storage?: TokenStorage;
}

export async function openApi(options: After): Promise<{ api: AxiosInstance; manager: TokenManager }> {
  const { issuer, api, clientId, store, storage = indexedDbStorage() } = options;
  const manager = new TokenManager({
    clientId,
    authorizationServer: discover(issuer),
    protectedResources: [api],
    storage,
  });
  await importSession(manager, {
    read() {
      const [accessToken, refreshToken] = [store.getItem('accessToken'), store.getItem('refreshToken')];
      return accessToken && refreshToken ? { accessToken, refreshToken } : undefined;
    },
    remove() {
      store.removeItem('refreshToken');
      store.removeItem('accessToken');
    },
  });
  const instance = axios.create({ baseURL: api, adapter: 'fetch', env: { fetch: manager.fetch } });
  // axios wraps all errors of fetch. Errors of tokenkeep are easier to distinguish unwrapped.
  instance.interceptors.response.use(undefined, (error: Error) => {
    throw isTokenKeepError(error.cause) ? error.cause : error;
  });
  return { api: instance, manager };
}
