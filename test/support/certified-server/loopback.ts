/** HTTP servers on this machine, on a port that nobody else has unless one is asked for. */

import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Loopback {
  readonly origin: string;
  /** The handler. It can be set once the origin is known. */
  handler: RequestListener;
  close(): Promise<void>;
}

export interface Listening {
  /** With it the server speaks HTTPS. */
  readonly tls?: ServerOptions | undefined;
  /** @default 0, any that is free */
  readonly port?: number | undefined;
}

export async function listen(handler: RequestListener, { tls, port = 0 }: Listening = {}): Promise<Loopback> {
  const answer: RequestListener = (request, response) => loopback.handler(request, response);
  // On a slow machine a client would send a request over a connection that has just been closed after 5 s of rest.
  const options = { keepAliveTimeout: 60_000 };
  const server =
    tls === undefined ? createServer(options, answer) : createSecureServer({ ...options, ...tls }, answer);
  await new Promise<void>((listening, failed) => {
    server.once('error', failed).listen(port, '127.0.0.1', listening);
  });
  const loopback: Loopback = {
    origin: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    handler,
    close: () =>
      new Promise((closed, failed) => {
        server.close((error) => (error ? failed(error) : closed()));
        server.closeAllConnections();
      }),
  };
  return loopback;
}

/** Also one that nobody vouches for: what it is good for is decided where it is needed. */
export const asksForCertificate = (tls: ServerOptions): ServerOptions => ({
  ...tls,
  requestCert: true,
  rejectUnauthorized: false,
});
