import type { TokenResponse } from 'tokenkeep';

export interface HandWrittenOptions {
  readonly fetch: typeof globalThis.fetch;
  readonly tokenEndpoint: string;
  readonly clientId: string;
  /** Origin that gets the token. */
  readonly origin: string;
  readonly tokens: TokenResponse;
}

/**
 * The wrapper that a good developer writes in an afternoon, for comparison with tokenkeep: tokens in memory, one
 * refresh for all callers, none for a token that has been replaced meanwhile, one more try. It stores nothing, so it
 * loses the session with the process; it knows no second process, no lost response, no sign-out and no redirect.
 */
export class HandWritten {
  readonly #options: HandWrittenOptions;
  #accessToken = '';
  #refreshToken = '';
  #expiresAt = 0;
  #refreshing: Promise<string> | undefined;

  constructor(options: HandWrittenOptions) {
    this.#options = options;
    this.#take(options.tokens);
  }

  async getAccessToken(): Promise<string> {
    return Date.now() < this.#expiresAt ? this.#accessToken : this.#refresh();
  }

  async fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const { fetch, origin } = this.#options;
    const isRequest = input instanceof Request;
    if (new URL(isRequest ? input.url : input).origin !== origin) return fetch(input, init);
    const spare = isRequest && input.body !== null ? input.clone() : input;
    const token = await this.getAccessToken();
    const response = await this.#send(input, init, token);
    if (response.status !== 401) return response;
    await response.body?.cancel();
    const other = token === this.#accessToken ? await this.#refresh() : this.#accessToken;
    return this.#send(spare, init, other);
  }

  #send(input: string | URL | Request, init: RequestInit | undefined, token: string): Promise<Response> {
    const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
    headers.set('authorization', `Bearer ${token}`);
    return this.#options.fetch(input, { ...init, headers });
  }

  #refresh(): Promise<string> {
    this.#refreshing ??= this.#post().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #post(): Promise<string> {
    const { fetch, tokenEndpoint, clientId } = this.#options;
    const response = await fetch(tokenEndpoint, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: this.#refreshToken,
        client_id: clientId,
      }),
    });
    if (!response.ok) throw new Error(`The refresh was answered ${response.status}.`);
    return this.#take((await response.json()) as TokenResponse);
  }

  #take({ access_token, refresh_token, expires_in }: TokenResponse): string {
    this.#accessToken = access_token;
    if (refresh_token) this.#refreshToken = refresh_token;
    this.#expiresAt = Date.now() + (Number(expires_in) - 30) * 1000;
    return access_token;
  }
}
