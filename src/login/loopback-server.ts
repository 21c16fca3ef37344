/**
 * The loopback URL that receives the response to a login (RFC 8252 §7.3). Every program on this machine, and every page in its
 * browsers, can send requests here: all but one get the same page, and change nothing.
 *
 * @module
 */
import { parseUrl } from '../core/http/url.ts';
import { type HttpServer, type LoopbackRequest, type LoopbackResponse, nodeModule } from './node-modules.ts';

export interface LoopbackServer {
  /** Redirect URI with the actual port. */
  readonly redirectUri: string;
  /** Resolves with the URL of the one request to `redirectUri` that contains `state`, once the user has received a page. */
  responseFor(state: string): Promise<string>;
  /** Resolves when the port is closed. */
  close(): Promise<void>;
}

/** The page for the user, without external resources and without data of the request. */
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

/** The expected response, and its receiver. */
interface PendingResponse {
  readonly state: string;
  readonly resolve: (url: string) => void;
}

/** @throws the errors of listening, such as EADDRINUSE */
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
      // A page whose name was bound to this address later (DNS rebinding) sends its own name.
      `http://${request.headers.host}` === origin &&
      url?.origin === origin &&
      url.pathname === path &&
      isOnly(url.searchParams.getAll('state'), waiter.state);
    if (!isResponse || waiter === undefined || url === null) {
      response.writeHead(404, { connection: 'close' }).end('');
      return;
    }
    const { resolve } = waiter;
    waiter = undefined; // a second such request gets the same page, and changes nothing
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
