/**
 * The place on this machine that a login comes back to (RFC 8252 §7.3). Everything on this machine, and every page in
 * its browsers, can send requests here: all but one are answered the same, and change nothing.
 *
 * @module
 */
import { parseUrl } from '../core/http/url.ts';
import { type HttpServer, type LoopbackRequest, type LoopbackResponse, nodeModule } from './node-modules.ts';

export interface LoopbackServer {
  /** With the port that it is. */
  readonly redirectUri: string;
  /** The URL of the one request to `redirectUri` that holds `state`; it is there once the user has got a page. */
  responseFor(state: string): Promise<string>;
  /** Resolves when nothing listens any more. */
  close(): Promise<void>;
}

/** Nothing from outside, and nothing of the request. */
const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Back to the application</title>
<p>You can close this page now and go back to the application.
</html>
`;
const headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  connection: 'close',
};

/** The response that is expected, and its receiver. */
interface PendingResponse {
  readonly state: string;
  readonly resolve: (url: string) => void;
}

/** @throws what listening throws, such as EADDRINUSE */
export async function listenOnLoopback(
  host: '127.0.0.1' | '[::1]',
  path: string,
  requestedPort: number,
): Promise<LoopbackServer> {
  let waiter: PendingResponse | undefined;
  const accept = (request: LoopbackRequest, response: LoopbackResponse): void => {
    const url = parseUrl(request.url, origin);
    const isResponse =
      waiter !== undefined &&
      request.method === 'GET' &&
      // A page of a name that was bound to this address later (DNS rebinding) sends its own name.
      `http://${request.headers.host}` === origin &&
      url?.origin === origin &&
      url.pathname === path &&
      isOnly(url.searchParams.getAll('state'), waiter.state);
    if (!isResponse || waiter === undefined || url === null) {
      response.writeHead(404, { connection: 'close' }).end('');
      return;
    }
    const { resolve } = waiter;
    waiter = undefined; // the second one is one of the others
    response.once('close', () => resolve(url.href));
    response.writeHead(200, headers).end(page);
  };
  const server = nodeModule('http').createServer(accept);
  const { origin } = new URL(`http://${host}:${await listen(server, host, requestedPort)}`);
  return {
    redirectUri: origin + path,
    responseFor: (state) =>
      new Promise((resolve) => {
        waiter = { state, resolve };
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function isOnly(values: readonly string[], expected: string): boolean {
  return values.length === 1 && values[0] === expected;
}

async function listen(server: HttpServer, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host.replace(/[[\]]/g, ''), resolve);
  });
  return server.address().port;
}
