import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { authorizationServer, type TestAuthorizationServer } from 'tokenkeep/testing';
import { fakeTokenHandler, handlerClient } from '../../support/token-handler.ts';

/** A token handler on the site of the pages, at another origin, with the server behind it. */
export interface ServedTokenHandler extends AsyncDisposable {
  readonly server: TestAuthorizationServer;
  readonly url: string;
  /** Where the API is for pages. */
  readonly api: string;
  /** Requests that came, but for those that only ask whether they may. */
  readonly requests: readonly string[];
}

/** Serves it to pages of one origin, as browsers want it. */
export async function serveTokenHandler(origin: string): Promise<ServedTokenHandler> {
  const server = authorizationServer({ clients: [handlerClient] });
  const handler = fakeTokenHandler(server);
  const allowed = {
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-allow-headers': 'token-handler-version, content-type',
  };
  const http = createServer(async (incoming, response) => {
    const { method = 'GET', url = '/', headers } = incoming;
    if (method === 'OPTIONS') return void response.writeHead(204, allowed).end();
    const body = await buffer(incoming);
    const named = Object.entries(headers).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, value] as [string, string]] : [],
    );
    const request = new Request(new URL(url, 'http://localhost'), {
      method,
      headers: named,
      ...(body.length > 0 && { body: new Uint8Array(body) }),
    });
    const answer = await handler.serve(request);
    const cookies = answer.headers.getSetCookie();
    const plain = Object.fromEntries([...answer.headers].filter(([name]) => name !== 'set-cookie'));
    response.writeHead(answer.status, {
      ...plain,
      ...allowed,
      ...(cookies.length > 0 && { 'set-cookie': cookies }),
    });
    response.end(new Uint8Array(await answer.arrayBuffer()));
  });
  await new Promise<void>((resolve) => http.listen(0, resolve));
  const base = `http://localhost:${(http.address() as AddressInfo).port}`;
  return {
    server,
    url: `${base}/oauth-agent`,
    api: `${base}/api`,
    requests: handler.requests,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}
