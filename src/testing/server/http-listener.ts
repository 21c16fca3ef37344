/**
 * The test server over HTTP, on two loopback ports: one is the issuer, one is the API. Node only.
 *
 * @module
 */
import type { Delivery, Exchange } from './http-exchange.ts';
import { type Bytes, bytesOf } from './http-exchange.ts';

type Serve = (exchange: Exchange) => Delivery | Promise<Delivery> | undefined;

/** Options of `listen()`. */
export interface ListenOptions {
  /** @default any free port */
  readonly port?: number;
  /** @default any free port */
  readonly apiPort?: number;
  /**
   * The responses that browser pages of other origins can see: everything, everything but the response headers (such
   * as `WWW-Authenticate`), or nothing.
   *
   * @default 'all'
   */
  readonly cors?: 'all' | 'hidden-headers' | 'none';
}

/** The part of `node:http` that is used. Its own types would come into every program that imports this module. */
interface NodeHttp {
  createServer(options: object, listener: (request: NodeRequest, response: NodeResponse) => void): HttpServer;
}
interface HttpServer {
  listen(port: number, host: string, callback: () => void): void;
  once(type: 'error', listener: (error: Error) => void): void;
  address(): { readonly port: number };
  close(callback: () => void): void;
  closeAllConnections(): void;
}
interface NodeRequest extends AsyncIterable<Uint8Array> {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
}
interface NodeResponse {
  sendDate: boolean;
  writeHead(status: number, headers: Record<string, string | number>): void;
  write(chunk: Uint8Array, callback: () => void): void;
  end(chunk?: Uint8Array): void;
  readonly socket: { destroy(): void } | null;
}

/** The destination of a port's requests. */
interface Port {
  readonly serve: Serve;
  /** Origin that its requests go to, in the server's own URLs. */
  readonly origin: string;
  readonly seenAs: Exchange['seenAs'];
  readonly cors: ListenOptions['cors'];
}

/** Opens both ports. */
export async function listenOnPorts(
  serve: Serve,
  own: { readonly issuer: string; readonly apiOrigin: string },
  options: ListenOptions,
): Promise<{ readonly issuer: string; readonly apiOrigin: string; close(): Promise<void> }> {
  const { origin, pathname } = new URL(own.issuer);
  const seenAs = { issuer: '', apiOrigin: '' };
  const shared = { serve, seenAs, cors: options.cors };
  const issuerPort = await open({ ...shared, origin }, options.port);
  const apiPort = await open({ ...shared, origin: own.apiOrigin }, options.apiPort).catch(
    async (error: unknown) => {
      await issuerPort.close();
      throw error;
    },
  );
  seenAs.issuer = issuerPort.url + (pathname === '/' ? '' : pathname);
  seenAs.apiOrigin = apiPort.url;
  return { ...seenAs, close: async () => void (await Promise.all([issuerPort.close(), apiPort.close()])) };
}

/** Loads `node:http` without an import, which bundlers for browsers would try to resolve. */
function nodeHttp(): NodeHttp {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  const module = process?.getBuiltinModule?.('node:http');
  if (module === undefined)
    throw new Error('listen() needs Node 22.3 or later. Elsewhere use the server as a fetch.');
  return module as NodeHttp;
}

async function open(port: Port, number = 0): Promise<{ url: string; close(): Promise<void> }> {
  const { createServer } = nodeHttp();
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void respond(port, request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(number, '127.0.0.1', resolve);
  });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${server.address().port}`, close };
}

async function respond(port: Port, request: NodeRequest, response: NodeResponse): Promise<void> {
  try {
    const extra = corsHeaders(port.cors);
    if (request.method === 'OPTIONS' && port.cors !== 'none') {
      response.writeHead(204, { ...extra, 'access-control-allow-methods': '*' });
      response.end();
      return;
    }
    const delivery = (await port.serve(await exchangeOf(port, request))) ?? { kind: 'dropped' };
    write(response, delivery, extra);
  } catch (error) {
    // Either the client has disconnected and receives nothing, or a callback of the test threw an error, which must be
    // reported.
    response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(bytesOf(String(error)));
  }
}

async function exchangeOf({ origin, seenAs }: Port, request: NodeRequest): Promise<Exchange> {
  const { method, url, rawHeaders } = request;
  const headers = new Headers();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    headers.append(rawHeaders[index] as string, rawHeaders[index + 1] as string);
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return { method, url: new URL(origin + url), headers, body: joined(chunks), seenAs };
}

function joined(chunks: readonly Uint8Array[]): Bytes {
  const all = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let end = 0;
  for (const chunk of chunks) {
    all.set(chunk, end);
    end += chunk.length;
  }
  return all;
}

function write(response: NodeResponse, delivery: Delivery, extra: Record<string, string>): void {
  if (delivery.kind === 'hung') return;
  if (delivery.kind === 'dropped' || delivery.kind === 'unreachable') {
    response.socket?.destroy();
    return;
  }
  const { response: answer, truncate, stall } = delivery;
  const body = bytesOf(answer.body);
  const headers: Record<string, string | number> = { ...extra, 'content-length': body.length };
  for (const [name, value] of Object.entries(answer.headers)) if (value !== undefined) headers[name] = value;
  response.sendDate = false; // the date of the server's clock is among the headers
  response.writeHead(answer.status, headers);
  if (truncate !== undefined) response.write(body.slice(0, truncate), () => response.socket?.destroy());
  else if (stall !== undefined) response.write(body.slice(0, stall), () => {});
  else response.end(body);
}

function corsHeaders(cors: ListenOptions['cors'] = 'all'): Record<string, string> {
  if (cors === 'none') return {};
  const exposed = 'WWW-Authenticate, Retry-After, Date, DPoP-Nonce';
  return {
    'access-control-allow-origin': '*',
    'access-control-allow-headers': 'Authorization, Content-Type, DPoP, *',
    ...(cors === 'all' && { 'access-control-expose-headers': exposed }),
  };
}
