/**
 * A token handler in front of the strict server: the tokens are in cookies, and only it forwards them. The server
 * counts its refreshes. Requests and responses are those of the platform, so that it can be served over HTTP as well.
 */
import type { TokenResponse } from '../../src/core/oauth/token-set.ts';
import type { TestAuthorizationServer } from '../../src/testing/index.ts';

/** The client of the server that the handler is. */
export const handlerClient = { clientId: 'handler', clientSecret: 'known to the handler alone' } as const;

export interface FakeTokenHandler {
  /** Receives the kind of each request. */
  readonly requests: string[];
  /** Serves what comes to `/oauth-agent/…` and `/api/…`, wherever that is. */
  serve(request: Request): Promise<Response>;
}

export interface FakeTokenHandlerOptions {
  /** `node`: 204 and `{ code }`, as the one in Node; `curity`: JSON and `{ error_code }`. @default 'curity' */
  readonly dialect?: 'curity' | 'node';
  /** Attributes of its cookies. */
  readonly attributes?: string;
}

const dead = 'Max-Age=0';

export function fakeTokenHandler(
  server: TestAuthorizationServer,
  { dialect = 'curity', attributes = 'Path=/; HttpOnly; SameSite=Strict' }: FakeTokenHandlerOptions = {},
): FakeTokenHandler {
  const requests: string[] = [];
  const cookie = (name: string, value: string, more = attributes) => [
    'set-cookie',
    `${name}=${value}; ${more}`,
  ];
  const refusing = (status: number, code: string, headers: string[][] = []) =>
    Response.json(dialect === 'node' ? { code, message: code } : { error_code: code, detailed_error: code }, {
      status,
      headers: headers as [string, string][],
    });
  const granting = (tokens: TokenResponse) => {
    const headers = [cookie('at', tokens.access_token), cookie('rt', tokens.refresh_token ?? '')] as [
      string,
      string,
    ][];
    if (dialect === 'node') return new Response(null, { status: 204, headers });
    return Response.json({ access_token_expires_in: tokens.expires_in }, { headers });
  };
  const clearing = [cookie('at', '', `${attributes}; ${dead}`), cookie('rt', '', `${attributes}; ${dead}`)];

  async function refresh(cookies: ReadonlyMap<string, string>): Promise<Response> {
    const refreshToken = cookies.get('rt');
    if (refreshToken === undefined) return refusing(401, 'unauthorized_request');
    const { clientId, clientSecret } = handlerClient;
    const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken });
    const authorization = `Basic ${btoa(`${clientId}:${new URLSearchParams({ '': clientSecret }).toString().slice(1)}`)}`;
    const asked = server.fetch(server.metadata.tokenEndpoint, {
      method: 'POST',
      body,
      headers: { authorization },
    });
    const answer = await asked.catch(() => undefined);
    if (answer === undefined || answer.status >= 500) return refusing(502, 'server_error');
    const said = (await answer.json()) as TokenResponse & { error?: string };
    if (answer.ok) return granting(said);
    return said.error === 'invalid_grant'
      ? refusing(401, 'session_expired', clearing)
      : refusing(400, 'authorization_error');
  }

  async function forward(
    request: Request,
    path: string,
    cookies: ReadonlyMap<string, string>,
  ): Promise<Response> {
    const headers = new Headers(request.headers);
    headers.delete('cookie');
    if (headers.has('authorization')) return refusing(400, 'a token came from the page');
    const token = cookies.get('at');
    if (token === undefined) return refusing(401, 'unauthorized_request');
    headers.set('authorization', `Bearer ${token}`);
    const body = request.method === 'GET' ? undefined : await request.arrayBuffer();
    const answer = await server.fetch(`${server.apiOrigin}${path}`, {
      method: request.method,
      headers,
      ...(body && { body }),
    });
    return answer.status === 401 ? refusing(401, 'token_expired') : answer;
  }

  return {
    requests,
    async serve(request) {
      const { pathname } = new URL(request.url);
      requests.push(`${request.method} ${pathname}`);
      // Against requests of other sites: this header makes a browser ask first.
      if (request.headers.get('token-handler-version') !== '1') return refusing(401, 'unauthorized_request');
      const cookies = cookiesOf(request);
      if (pathname.startsWith('/api/')) return await forward(request, pathname.slice('/api'.length), cookies);
      if (request.method !== 'POST') return refusing(405, 'method_not_allowed');
      if (pathname === '/oauth-agent/login/end')
        return granting(server.signIn({ clientId: handlerClient.clientId }));
      if (pathname === '/oauth-agent/refresh') return await refresh(cookies);
      if (pathname !== '/oauth-agent/logout') return refusing(404, 'not_found');
      const refreshToken = cookies.get('rt');
      if (refreshToken === undefined) return refusing(401, 'unauthorized_request');
      server.revokeFamily(refreshToken);
      const said = { logout_url: 'https://as.test/logout' };
      return Response.json(said, { headers: clearing as [string, string][] });
    },
  };
}

function cookiesOf(request: Request): ReadonlyMap<string, string> {
  const pairs = (request.headers.get('cookie') ?? '').split('; ').map((pair) => pair.split('='));
  return new Map(
    pairs.map(([name = '', value = '']) => [name, value] as const).filter(([name]) => name !== ''),
  );
}

/** One browser: what all its tabs share. `fetch` is that of a page on another origin of the same site. */
export interface FakeBrowser {
  readonly cookies: Map<string, string>;
  readonly fetch: typeof globalThis.fetch;
  /** The fate of a response on its way back: `lost` responses set no cookies. */
  onTheWay: (request: Request) => 'arrives' | 'lost' | Promise<'arrives' | 'lost'>;
}

export function fakeBrowser(handler: FakeTokenHandler): FakeBrowser {
  const cookies = new Map<string, string>();
  const browser: FakeBrowser = {
    cookies,
    onTheWay: () => 'arrives',
    async fetch(input, init) {
      const request = new Request(input, init);
      if (request.credentials === 'include') {
        request.headers.set('cookie', [...cookies].map((pair) => pair.join('=')).join('; '));
      }
      const sent = request.clone();
      const answer = await handler.serve(request);
      if ((await browser.onTheWay(sent)) === 'lost') throw new TypeError('fetch failed');
      for (const line of answer.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (line.includes(dead)) cookies.delete(name);
        else cookies.set(name, value);
      }
      return answer;
    },
  };
  return browser;
}
