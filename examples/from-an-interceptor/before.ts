/** The interceptor of many applications, and a well-written one: one refresh for all calls of a page, and one replay. */
export interface Before {
  readonly tokenEndpoint: string;
  readonly clientId: string;
  readonly store: Storage;
}

export function authorizedFetch({ tokenEndpoint, clientId, store }: Before): typeof fetch {
  let refreshing: Promise<void> | undefined;

  async function refresh(): Promise<void> {
    const refreshToken = store.getItem('refreshToken') ?? '';
    const grant = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: clientId };
    const response = await fetch(tokenEndpoint, { method: 'POST', body: new URLSearchParams(grant) });
    if (!response.ok) {
      store.removeItem('accessToken');
      store.removeItem('refreshToken');
      throw new Error('Please log in.');
    }
    const tokens = (await response.json()) as { access_token: string; refresh_token: string };
    store.setItem('accessToken', tokens.access_token);
    store.setItem('refreshToken', tokens.refresh_token);
  }

  function send(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const headers = new Headers(init?.headers);
    headers.set('authorization', `Bearer ${store.getItem('accessToken')}`);
    return fetch(input, { ...init, headers });
  }

  return async (input, init) => {
    const response = await send(input, init);
    if (response.status !== 401) return response;
    refreshing ??= refresh().finally(() => {
      refreshing = undefined;
    });
    await refreshing;
    return await send(input, init);
  };
}
