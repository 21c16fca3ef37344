import { TokenManager, type TokenManagerOptions } from 'tokenkeep';

/** A call of the transport, as it was made. */
export interface Told {
  readonly input: string | URL | Request;
  readonly init: RequestInit | undefined;
  readonly url: string;
  readonly authorization: string | null;
}

export type Answer = (told: Told, count: number) => Response | Promise<Response>;

/** A transport that records the calls to the API, answers them as configured, and refreshes `access-1`, `access-2`, … */
export interface Transport {
  readonly fetch: typeof globalThis.fetch;
  /** Calls to anything but the token endpoint. */
  readonly calls: Told[];
  /** Calls to the token endpoint. */
  readonly grants: Told[];
}

export const api = 'https://api.example.com/v1';
export const as = { tokenEndpoint: 'https://as.example.com/token' };

/** A 401 as RFC 6750 §3.1 has it. */
export const refused = (challenge: string | undefined = 'Bearer error="invalid_token"'): Response =>
  new Response('no', { status: 401, headers: challenge ? { 'www-authenticate': challenge } : {} });

export function transportThat(answer: Answer, grant: Answer = granted): Transport {
  const calls: Told[] = [];
  const grants: Told[] = [];
  return {
    calls,
    grants,
    fetch: async (input, init) => {
      const url = input instanceof Request ? input.url : String(input);
      const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
      const told = { input, init, url, authorization: headers.get('authorization') };
      const [list, respond] = url.startsWith(as.tokenEndpoint)
        ? ([grants, grant] as const)
        : ([calls, answer] as const);
      list.push(told);
      return await respond(told, list.length);
    },
  };
}

/** The answer of a token endpoint that rotates. */
export function granted(_told: unknown, count: number): Response {
  return Response.json({
    access_token: `access-${count}`,
    refresh_token: `refresh-${count}`,
    token_type: 'Bearer',
    expires_in: 3600,
  });
}

/** A signed-in manager of `api`. */
export async function managerOn(
  { fetch }: Pick<Transport, 'fetch'>,
  options: Partial<TokenManagerOptions> & { readonly expired?: boolean } = {},
): Promise<TokenManager> {
  const { expired = false, ...rest } = options;
  const manager = new TokenManager({
    clientId: 'app',
    authorizationServer: as,
    protectedResources: [api],
    fetch,
    ...rest,
  });
  const now = rest.clock?.now() ?? Date.now();
  await manager.setTokens({
    accessToken: 'access-0',
    refreshToken: 'refresh-0',
    expiresAt: expired ? now - 1 : now + 3_600_000,
  });
  return manager;
}
