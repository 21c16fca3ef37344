import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { ListenOptions } from '../../../../src/testing/index.ts';
import { authorizationServer } from '../../../../src/testing/index.ts';

async function listening(options?: ListenOptions) {
  const server = authorizationServer();
  const listening = await server.listen(options);
  onTestFinished(listening.close);
  return { server, ...listening };
}

test('both forms are one server', async () => {
  const { server, metadata, apiUrl } = await listening();
  const { access_token, refresh_token } = server.signIn();
  const headers = { authorization: `Bearer ${access_token}` };
  expect((await fetch(`${apiUrl}/`, { headers })).status).toBe(200);
  expect((await server.fetch('https://api.test/', { headers })).status).toBe(200);
  const parameters = {
    grant_type: 'refresh_token',
    client_id: 'test-client',
    refresh_token: String(refresh_token),
  };
  const body = () => new URLSearchParams(parameters);
  expect((await fetch(metadata.tokenEndpoint, { method: 'POST', body: body() })).status).toBe(200);
  expect((await server.fetch(server.metadata.tokenEndpoint, { method: 'POST', body: body() })).status).toBe(
    400,
  );
  expect(server.counts).toMatchObject({ apiCalls: 2, refreshes: 1, reuses: 1 });
});

test('the issuer and the API are two loopback origins', async () => {
  const { url, apiUrl, metadata } = await listening();
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(apiUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(apiUrl).not.toBe(url);
  expect(metadata.issuer).toBe(url);
  expect(metadata.tokenEndpoint).toBe(`${url}/token`);
});

test.each([
  [undefined, '*', 'WWW-Authenticate'],
  ['all', '*', 'WWW-Authenticate'],
  ['hidden-headers', '*', undefined],
  ['none', undefined, undefined],
] as const)('CORS %s: pages see what they may', async (cors, origin, exposed) => {
  const { apiUrl } = await listening(cors && { cors });
  const { headers } = await fetch(apiUrl);
  expect(headers.get('access-control-allow-origin') ?? undefined).toBe(origin);
  expect(headers.get('access-control-expose-headers')?.split(', ')[0]).toBe(exposed);
  const preflight = await fetch(apiUrl, { method: 'OPTIONS' });
  expect(preflight.status).toBe(cors === 'none' ? 401 : 204);
  expect(preflight.headers.get('access-control-allow-headers')?.includes('Authorization') ?? false).toBe(
    cors !== 'none',
  );
});

test('a port that is taken is refused, and what was opened is closed again', async () => {
  const taken = Number(new URL((await listening()).apiUrl).port);
  const first = await authorizationServer().listen();
  const free = Number(new URL(first.url).port);
  await first.close();
  await expect(authorizationServer().listen({ port: taken })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  const half = authorizationServer().listen({ port: free, apiPort: taken });
  await expect(half).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await expect(fetch(`http://127.0.0.1:${free}/`)).rejects.toThrow(TypeError);
});

test('close ends all connections, also those that wait', async () => {
  const server = authorizationServer();
  const listening = await server.listen();
  const release = server.hold({ on: 'api' });
  const waiting = fetch(listening.apiUrl);
  await release.arrived();
  await listening.close();
  await expect(waiting).rejects.toThrow(TypeError);
  release();
  await expect(fetch(listening.apiUrl)).rejects.toThrow(TypeError);
});

test('a client that goes away in the middle of its request harms nobody', async () => {
  const { server, apiUrl } = await listening();
  const port = Number(new URL(apiUrl).port);
  await new Promise<void>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
      socket.end();
    });
    socket.on('close', () => resolve());
    socket.resume();
  });
  expect((await fetch(apiUrl)).status).toBe(401);
  expect(server.counts.apiCalls).toBe(1);
});

test('a server that is disposed of is closed', async () => {
  let url = '';
  {
    await using listening = await authorizationServer().listen();
    url = listening.url;
    expect((await fetch(`${url}/.well-known/openid-configuration`)).status).toBe(200);
  }
  await expect(fetch(url)).rejects.toThrow(TypeError);
});
