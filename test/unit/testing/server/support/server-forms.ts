import { onTestFinished } from 'vitest';
import type { AuthorizationServer } from '../../../../../src/core/oauth/authorization-server.ts';
import type { TokenResponse } from '../../../../../src/core/oauth/token-set.ts';
import type {
  AuthorizationServerOptions,
  TestAuthorizationServer,
} from '../../../../../src/testing/index.ts';
import { authorizationServer } from '../../../../../src/testing/index.ts';

type Parameters = Readonly<Record<string, string | readonly string[]>>;

/** A test server as a client of one form sees it. */
export interface Client {
  readonly server: TestAuthorizationServer;
  readonly fetch: typeof globalThis.fetch;
  readonly metadata: AuthorizationServer;
  readonly issuer: string;
  /** Origin of the API. */
  readonly api: string;
  /** A POST of a form. */
  post(url: string, parameters: Parameters, init?: RequestInit): Promise<Response>;
  /** A request to the token endpoint. */
  token(parameters: Parameters, init?: RequestInit): Promise<Response>;
  /** A refresh of the public client. */
  refresh(refreshToken: unknown, parameters?: Parameters, init?: RequestInit): Promise<Response>;
  /** A call of the API. */
  call(accessToken: unknown, path?: string, init?: RequestInit): Promise<Response>;
}

function clientOf(
  server: TestAuthorizationServer,
  fetch: typeof globalThis.fetch,
  metadata: AuthorizationServer,
  api: string,
): Client {
  const post: Client['post'] = (url, parameters, init) => {
    const pairs = Object.entries(parameters).flatMap(([name, value]) =>
      [value].flat().map((one) => [name, one]),
    );
    return fetch(url, { method: 'POST', body: new URLSearchParams(pairs as string[][]), ...init });
  };
  const token: Client['token'] = (parameters, init) => post(metadata.tokenEndpoint, parameters, init);
  const refresh: Client['refresh'] = (refreshToken, parameters, init) =>
    token(
      {
        grant_type: 'refresh_token',
        client_id: 'test-client',
        refresh_token: String(refreshToken),
        ...parameters,
      },
      init,
    );
  const call: Client['call'] = (accessToken, path = '/messages', init) => {
    const headers = new Headers(init?.headers);
    headers.set('authorization', `Bearer ${accessToken}`);
    return fetch(api + path, { ...init, headers });
  };
  return { server, fetch, metadata, issuer: metadata.issuer as string, api, post, token, refresh, call };
}

/** The two forms of the test server. Whatever is true of one is true of the other. */
export const forms: readonly {
  readonly form: string;
  open(options?: AuthorizationServerOptions): Promise<Client>;
}[] = [
  {
    form: 'as fetch',
    open: (options) => {
      const server = authorizationServer(options);
      return Promise.resolve(clientOf(server, server.fetch, server.metadata, server.apiOrigin));
    },
  },
  {
    form: 'over HTTP',
    open: async (options) => {
      const server = authorizationServer(options);
      const { metadata, apiUrl, close } = await server.listen();
      onTestFinished(close);
      return clientOf(server, globalThis.fetch, metadata, apiUrl);
    },
  },
];

/** The content of a response: the status, and the body as JSON. */
export async function said(
  answer: Response | Promise<Response>,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const { status } = await answer;
  return { status, body: await (await answer).json() };
}

/** The tokens of an answer that must be a success. */
export async function tokensOf(
  answer: Promise<Response>,
): Promise<TokenResponse & { refresh_token: string }> {
  const { status, body } = await said(answer);
  if (status !== 200) throw new Error(`Expected tokens, got ${status} ${JSON.stringify(body)}`);
  return body as TokenResponse & { refresh_token: string };
}

/** The OAuth error of an answer. */
export async function errorOf(answer: Promise<Response>): Promise<string> {
  const { status, body } = await said(answer);
  return `${status} ${body['error']}`;
}

/** Basic credentials as RFC 6749 §2.3.1 wants them: form-encoded first. */
export function basic(clientId: string, clientSecret: string): { authorization: string } {
  const encode = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1);
  return { authorization: `Basic ${btoa(`${encode(clientId)}:${encode(clientSecret)}`)}` };
}
