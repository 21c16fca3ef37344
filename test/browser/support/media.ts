import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerMedia } from '../../support/certified-server/media.ts';

/**
 * A protected resource with more than JSON: a picture, a sound, a body that is sent on request, and an endpoint that
 * takes bodies.
 */
export interface Media {
  readonly origin: string;
  /**
   * The requests, with a valid token, an invalid one or none: `'GET /sound good from 0'`, where the range begins if
   * there is one.
   */
  readonly log: readonly string[];
  /** Sends a piece to every reader of `/pieces`. */
  send(piece: string): void;
  /** Resolves when nobody reads `/pieces` any more. */
  readonly left: Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** @param isGood judges an access token. */
export async function openMedia(isGood: (token: string) => boolean): Promise<Media> {
  const log: string[] = [];
  const { promise: left, resolve: leave } = Promise.withResolvers<void>();
  let reader: ServerResponse | undefined;
  const server = createServer(async (request, response) => {
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-allow-headers', 'authorization, content-type, range');
    response.setHeader('access-control-expose-headers', 'www-authenticate, content-range, accept-ranges');
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    const { headers, method, url } = request;
    const [, token = ''] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? [];
    const isLetIn = isGood(token);
    const [, from] = /^bytes=(\d+)-/.exec(headers.range ?? '') ?? [];
    log.push(
      `${method} ${url} ${isLetIn ? 'good' : token && 'bad'}${from === undefined ? '' : ` from ${from}`}`,
    );
    if (!isLetIn) {
      const error = token === '' ? '' : ', error="invalid_token"';
      return void response
        .writeHead(401, { 'www-authenticate': `Bearer realm="media"${error}` })
        .end('nothing for you');
    }
    if (url === '/pieces') {
      reader = response;
      response.on('close', leave);
      return void response.writeHead(200, { 'content-type': 'text/plain' }).write('first');
    }
    if (url === '/large') return void response.writeHead(200).end(Buffer.alloc(32 * 1024 * 1024));
    if (url === '/upload') {
      let length = 0;
      for await (const chunk of request) length += (chunk as Buffer).length;
      return void response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ length, isAuthorized: true }));
    }
    if (!answerMedia(request, response)) response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    log,
    left,
    send: (piece) => void reader?.write(piece),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
