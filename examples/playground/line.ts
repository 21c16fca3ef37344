/**
 * The line between the tabs and a server. It can be cut: then every connection dies, and new ones too. It also says to
 * browsers that the playground's page may call (CORS), which an API of your own says itself.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request as send } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';

export interface Line {
  /** The address of this end, for clients of the line. */
  readonly origin: string;
  cut(isCut: boolean): void;
  close(): Promise<void>;
}

/** @param page the origin whose script may call, or `*`. @param port where this end is, `0`: any that is free. */
export async function openLine(to: string, page: string, port = 0): Promise<Line> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(permission(page))) response.setHeader(name, value);
    if (request.method === 'OPTIONS') response.writeHead(204).end();
    else forward(to, request, response).catch(() => response.destroy());
  });
  server.on('connection', (socket: Socket) => {
    if (isCut) return void socket.destroy();
    sockets.add(socket.once('close', () => sockets.delete(socket)));
  });
  await new Promise<void>((listening, failed) => {
    server.once('error', failed).listen(port, '127.0.0.1', listening);
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut(cutting) {
      isCut = cutting;
      if (isCut) for (const socket of sockets) socket.destroy();
    },
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

/** Headers that the page may send, and headers of the response that it may see. */
const permission = (page: string) => ({
  'access-control-allow-origin': page,
  'access-control-allow-headers': 'authorization, content-type, range, x-call',
  'access-control-expose-headers': 'www-authenticate, x-token-generation, content-range, accept-ranges',
  'access-control-max-age': '600',
});

/** Forwards the request, and the response as it arrives: one that breaks off breaks off here as well. */
async function forward(to: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, headers, url = '/' } = request;
  const onward = send(new URL(url, to), { method, headers: { ...headers, host: new URL(to).host } });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    onward.once('response', resolve).once('error', reject);
  });
  request.pipe(onward);
  const answer = await answered;
  const own = new Set(Object.keys(permission('')));
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined && !own.has(name)) response.setHeader(name, value);
  }
  response.writeHead(answer.statusCode ?? 502);
  await pipeline(answer, response);
}
