/** HTTP servers on this machine, on a port that nobody else has. */

import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Loopback {
  readonly origin: string;
  /** What answers. It can be set once the origin is known. */
  handler: RequestListener;
  close(): Promise<void>;
}

export async function listen(handler: RequestListener): Promise<Loopback> {
  const server = createServer((request, response) => loopback.handler(request, response));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const loopback: Loopback = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    handler,
    close: () =>
      new Promise((closed, failed) => {
        server.close((error) => (error ? failed(error) : closed()));
        server.closeAllConnections();
      }),
  };
  return loopback;
}
