/** Hostile answers as they come over a wire: what only bytes, sockets and compression can do. Node's own fetch. */

import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { TokenManager } from 'tokenkeep';
import { describe, expect, test } from 'vitest';
import { json, rawServer } from './support/raw-server.ts';

const granted = JSON.stringify({ access_token: 'access-1', refresh_token: 'r1', expires_in: 300 });

/** A manager whose access token has expired, and a clock that the test advances. */
async function signedIn(tokenEndpoint: string, timeout = 10_000) {
  const clock = { ahead: 0, now: () => Date.now() + clock.ahead };
  const manager = new TokenManager({
    clientId: 'app',
    authorizationServer: { tokenEndpoint },
    protectedResources: ['https://api.test/'],
    clock,
    timeout,
  });
  await manager.setTokens({ access_token: 'access-0', refresh_token: 'r0', expires_in: 300 });
  clock.ahead = 300_000;
  return { manager, clock };
}
const refused = (manager: TokenManager) =>
  manager.getAccessToken().catch(({ code, sent }: { code: string; sent?: boolean }) => `${code} ${sent}`);

describe.each([301, 302, 303, 307, 308])('a token endpoint that redirects with %i', (status) => {
  test('has the refresh token go nowhere else (21-03, 9700-07)', async () => {
    await using elsewhere = await rawServer((_, response) => json(response, 200, JSON.parse(granted)));
    await using as = await rawServer((_, response) => {
      response.writeHead(status, { location: `${elsewhere.url}/token` }).end();
    });
    const { manager } = await signedIn(`${as.url}/token`);
    expect(await refused(manager)).toBe('ERR_REFRESH_FAILED false');
    expect([as.arrivals.length, elsewhere.connections]).toEqual([1, 0]);
    expect((await manager.getTokens())?.refreshToken).toBe('r0');
  });
});

/** Answers every request with these bytes, and closes the connection or leaves it open. */
async function speaking(bytes: string | Buffer, then: 'close' | 'wait') {
  const sockets = new Set<Socket>();
  const closed = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => closed.resolve());
    socket.once('data', () => (then === 'close' ? socket.end(bytes) : socket.write(bytes)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    /** Once the client has disconnected. */
    closed: closed.promise,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';
const whole = `${head}Content-Length: ${granted.length}\r\n\r\n${granted}`;
const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n`;
const zipped = (body: Buffer) =>
  Buffer.concat([
    Buffer.from(`${head}Content-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`),
    body,
  ]);

describe('bytes that are an answer', () => {
  test.each<[string, string | Buffer]>([
    ['as it should be', whole],
    ['after hints that it is on its way', `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${whole}`],
    ['after a wait', `HTTP/1.1 102 Processing\r\n\r\n${whole}`],
    ['without a length', `${head}\r\n${granted}`],
    ['in pieces', `${chunked}${granted.length.toString(16)}\r\n${granted}\r\n0\r\n\r\n`],
    ['compressed', zipped(gzipSync(granted))],
    [
      'with what looks like another answer behind it',
      `${whole}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}`,
    ],
  ])('%s', async (_name, bytes) => {
    await using as = await speaking(bytes, 'close');
    const { manager } = await signedIn(as.url);
    expect(await refused(manager)).toBe('access-1');
    expect((await manager.getTokens())?.refreshToken).toBe('r1');
  });
});

describe('bytes that are no response: the refresh token may be spent, and the session is kept (law response-lost)', () => {
  const cases: [string, string | Buffer][] = [
    ['nothing', ''],
    ['noise', 'noise\r\n\r\n'],
    ['half of it', whole.slice(0, -20)],
    ['less than its length says', `${head}Content-Length: 9999\r\n\r\n${granted}`],
    ['two lengths', `${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\n${granted}`],
    ['a piece without its end', `${chunked}ffff\r\n${granted}`],
    ['pieces of no size', `${chunked}zz\r\n${granted}\r\n0\r\n\r\n`],
    ['headers without an end', `${head}X: ${'x'.repeat(100_000)}`],
    [
      'a protocol that nobody asked for',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
    ],
    ['what says that it is compressed, and is not', `${head}Content-Encoding: gzip\r\n\r\n${granted}`],
    ['half of what is compressed', zipped(gzipSync(granted).subarray(0, 30))],
    ['a bomb: a hundred megabytes in a hundred kilobytes', zipped(gzipSync(Buffer.alloc(100_000_000, ' ')))],
  ];

  test.each(cases)('%s', async (_name, bytes) => {
    await using as = await speaking(bytes, 'close');
    const { manager, clock } = await signedIn(as.url);
    expect(await refused(manager)).toBe('ERR_REFRESH_FAILED true');
    expect((await manager.getTokens())?.refreshToken).toBe('r0');
    clock.ahead += 3_600_000;
    expect(await refused(manager)).toBe('ERR_REFRESH_FAILED true'); // one careful attempt
  });

  test.each<[string, string]>([
    ['nothing', ''],
    ['headers', head],
    ['a beginning', `${chunked}1\r\n{\r\n`],
  ])('%s, and then silence: it ends at its deadline, and the connection with it', async (_name, bytes) => {
    await using as = await speaking(bytes, 'wait');
    const { manager } = await signedIn(as.url, 200);
    expect(await refused(manager)).toBe('ERR_REFRESH_FAILED true');
    await as.closed;
  });
});
