import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as it came over the wire. */
export interface Arrival {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Names and values in the order and the spelling in which they came, without `authorization`. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly authorization: string | undefined;
  readonly body: Buffer;
  /** The number of the connection that it came over, from 1. */
  readonly connection: number;
}

export interface RawServer extends AsyncDisposable {
  readonly url: string;
  readonly arrivals: Arrival[];
  /** How many connections were opened. */
  readonly connections: number;
  /** Resolves as soon as so many requests have arrived. */
  arrived(count: number): Promise<void>;
}

export type Respond = (arrival: Arrival, response: ServerResponse) => void;

/** An HTTP server on loopback that records requests and answers as configured. */
export async function rawServer(respond: Respond): Promise<RawServer> {
  const arrivals: Arrival[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const numbers = new WeakMap<object, number>();
  let connections = 0;
  const server = createServer({ keepAliveTimeout: 60_000 }, async (request, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return; // the client went away in the middle of its request
    }
    const { rawHeaders, method = '', url: path = '' } = request;
    const pairs = rawHeaders.flatMap((name, index): [string, string][] =>
      index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? '']] : [],
    );
    const arrival: Arrival = {
      method,
      path,
      headers: pairs.filter(([name]) => name.toLowerCase() !== 'authorization'),
      authorization: request.headers.authorization,
      body: Buffer.concat(chunks),
      connection: numbers.get(request.socket) ?? 0,
    };
    arrivals.push(arrival);
    for (const { count, resolve } of waiting) if (arrivals.length >= count) resolve();
    respond(arrival, response);
  });
  server.on('connection', (socket) => {
    connections += 1;
    numbers.set(socket, connections);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrivals,
    get connections() {
      return connections;
    },
    arrived: (count) =>
      arrivals.length >= count
        ? Promise.resolve()
        : new Promise((resolve) => waiting.push({ count, resolve })),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers with JSON. */
export function json(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': text.length,
    ...headers,
  });
  response.end(text);
}

/** The response to an invalid token by RFC 6750 §3.1. */
export function refuse(response: ServerResponse): void {
  json(response, 401, { error: 'invalid_token' }, { 'www-authenticate': 'Bearer error="invalid_token"' });
}

/** A token endpoint that issues `access-1`, `access-2`, … */
export function tokenEndpoint(): Respond {
  let issued = 0;
  return (_arrival, response) => {
    issued += 1;
    const tokens = { access_token: `access-${issued}`, refresh_token: `refresh-${issued}` };
    json(response, 200, { ...tokens, token_type: 'Bearer', expires_in: 3600 });
  };
}
