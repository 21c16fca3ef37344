/** Unsent or lost: what real sockets of this platform report. */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { TokenManager } from 'tokenkeep';
import { testClock } from 'tokenkeep/testing';
import { ProxyAgent } from 'undici';
import { afterEach, expect, test } from 'vitest';
import { rejection } from '../../support/promises.ts';

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

async function listening(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const tcp = (onSocket: (socket: Socket) => void) =>
  createServer((socket) => {
    socket.on('error', () => undefined);
    onSocket(socket);
  });

async function refreshAt(origin: string, fetch?: typeof globalThis.fetch): Promise<unknown> {
  const clock = testClock();
  const manager = new TokenManager({
    clientId: 'test-client',
    authorizationServer: { tokenEndpoint: `${origin}/token` },
    protectedResources: ['https://api.test/'],
    clock,
    fetch,
  });
  await manager.setTokens({ access_token: 'a', refresh_token: 'r', expires_in: 300 });
  clock.set(clock.now() + 300_000);
  return await rejection(manager.getAccessToken());
}

async function refusedPort(): Promise<string> {
  const server = tcp(() => undefined);
  const origin = await listening(server);
  await new Promise((resolve) => servers.splice(servers.indexOf(server), 1)[0]?.close(resolve));
  return origin;
}

test('a port that refuses: it never left', async () => {
  expect(await refreshAt(await refusedPort())).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: false });
});

test('a name that does not exist: it never left', async () => {
  expect(await refreshAt('https://as.invalid')).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: false });
});

test('a port that fetch refuses to connect to: it never left', async () => {
  expect(await refreshAt('http://127.0.0.1:25')).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: false });
});

test('a server without TLS: it never left', async () => {
  const origin = await listening(createHttpServer());
  const refused = { code: 'ERR_REFRESH_FAILED', sent: false };
  expect(await refreshAt(origin.replace('http:', 'https:'))).toMatchObject(refused);
});

test('a server that ends the TLS handshake: it never left', async () => {
  const origin = await listening(tcp((socket) => socket.once('data', () => socket.end())));
  const refused = { code: 'ERR_REFRESH_FAILED', sent: false };
  expect(await refreshAt(origin.replace('http:', 'https:'))).toMatchObject(refused);
});

test('a server that answers the TLS handshake with an alert: it never left', async () => {
  // handshake_failure, as a record of TLS 1.2 (RFC 8446 §6).
  const alert = Buffer.from([21, 3, 3, 0, 2, 2, 40]);
  const origin = await listening(tcp((socket) => socket.once('data', () => socket.end(alert))));
  const refused = { code: 'ERR_REFRESH_FAILED', sent: false };
  expect(await refreshAt(origin.replace('http:', 'https:'))).toMatchObject(refused);
});

test.each([407, 502])('a proxy that answers CONNECT with %i: it never left', async (status) => {
  const proxy = createHttpServer();
  proxy.on('connect', (_request, socket) => socket.end(`HTTP/1.1 ${status} No\r\n\r\n`));
  const agent = new ProxyAgent(await listening(proxy));
  const through = ((input: string, init: object) =>
    fetch(input, { ...init, dispatcher: agent } as RequestInit)) as typeof fetch;
  const refused = { code: 'ERR_REFRESH_FAILED', sent: false };
  expect(await refreshAt('https://as.invalid', through)).toMatchObject(refused);
  await agent.close();
});

test('a server that closes without reading: it may have been sent', async () => {
  const origin = await listening(tcp((socket) => socket.destroy()));
  expect(await refreshAt(origin)).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: true });
});

test('a server that closes after reading: it may be spent', async () => {
  let received = '';
  const origin = await listening(
    tcp((socket) =>
      socket.on('data', (chunk) => {
        received += String(chunk);
        if (received.includes('refresh_token=r')) socket.destroy();
      }),
    ),
  );
  expect(await refreshAt(origin)).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: true });
  expect(received).toContain('grant_type=refresh_token');
});

test('a server that resets the connection: it may be spent', async () => {
  const origin = await listening(tcp((socket) => socket.on('data', () => socket.resetAndDestroy())));
  expect(await refreshAt(origin)).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: true });
});

test('a server that closes in the middle of its answer: it may be spent', async () => {
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"access_to';
  const origin = await listening(tcp((socket) => socket.on('data', () => socket.end(head))));
  expect(await refreshAt(origin)).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: true });
});

test('a server that speaks no HTTP: it may be spent', async () => {
  const origin = await listening(tcp((socket) => socket.on('data', () => socket.end('220 smtp ready\r\n'))));
  expect(await refreshAt(origin)).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: true });
});

test.each([301, 302, 303, 307, 308])(
  'step 5: a redirect with %i over the wire: the second origin receives nothing',
  async (status) => {
    let strays = 0;
    const count = (_request: IncomingMessage, response: ServerResponse) => {
      strays += 1;
      response.end('{}');
    };
    const elsewhere = await listening(createHttpServer(count));
    const origin = await listening(
      createHttpServer((_request, response) =>
        response.writeHead(status, { location: `${elsewhere}/token`, connection: 'close' }).end(),
      ),
    );
    expect(await refreshAt(origin)).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: false, status });
    expect(strays).toBe(0);
  },
);

test('a server that drops idle connections: every refresh gets a connection of its own (K5m)', async () => {
  const received: string[] = [];
  const answerOnce = (socket: Socket) => {
    let isUsed = false;
    socket.on('data', (chunk) => {
      const sent = String(chunk);
      if (isUsed) return void socket.destroy(); // like a server that has closed it before the client notices
      isUsed = true;
      received.push(sent);
      const body = JSON.stringify({
        access_token: `access-${received.length}`,
        refresh_token: 'next',
        expires_in: 300,
      });
      socket.write(
        `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
    });
  };
  const origin = await listening(tcp(answerOnce));
  const clock = testClock();
  const manager = new TokenManager({
    clientId: 'test-client',
    authorizationServer: { tokenEndpoint: `${origin}/token` },
    protectedResources: ['https://api.test/'],
    clock,
  });
  await manager.setTokens({ access_token: 'a', refresh_token: 'r', expires_in: 300 });
  for (let refresh = 1; refresh <= 6; refresh++) {
    clock.set(clock.now() + 300_000);
    expect(await manager.getAccessToken()).toBe(`access-${refresh}`);
  }
  expect(received).toHaveLength(6);
  for (const request of received) expect(request).toMatch(/^connection: close\r$/im);
});
