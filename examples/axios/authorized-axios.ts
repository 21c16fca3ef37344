/** axios whose calls to protected resources carry an access token: its fetch adapter, with the manager's fetch. */
import axios, { type AxiosInstance, type CreateAxiosDefaults } from 'axios';
import { isTokenKeepError, type TokenManager } from 'tokenkeep';

export function authorizedAxios(manager: TokenManager, defaults: CreateAxiosDefaults = {}): AxiosInstance {
  const instance = axios.create({ ...defaults, adapter: 'fetch', env: { fetch: manager.fetch } });
  // axios wraps all errors of fetch. Errors of tokenkeep are easier to distinguish unwrapped.
  instance.interceptors.response.use(undefined, (error: Error) => {
    throw isTokenKeepError(error.cause) ? error.cause : error;
  });
  return instance;
}
