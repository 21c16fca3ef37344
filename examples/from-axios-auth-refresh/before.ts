/** axios with axios-auth-refresh, as its README has it. */
import axios, { type AxiosInstance } from 'axios';
import { createAuthRefresh } from 'axios-auth-refresh';

export interface Before {
  readonly api: string;
  readonly tokenEndpoint: string;
  readonly clientId: string;
  readonly store: Storage;
}

export function apiOf({ api, tokenEndpoint, clientId, store }: Before): AxiosInstance {
  const instance = axios.create({ baseURL: api });
  instance.interceptors.request.use((request) => {
    request.headers.set('Authorization', `Bearer ${store.getItem('accessToken')}`);
    return request;
  });
  // Its types are for CommonJS, where axios has others.
  createAuthRefresh(instance as never, async () => {
    const refreshToken = store.getItem('refreshToken') ?? '';
    const grant = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: clientId };
    const { data } = await axios.post(tokenEndpoint, new URLSearchParams(grant));
    store.setItem('accessToken', data.access_token);
    store.setItem('refreshToken', data.refresh_token);
  });
  return instance;
}
