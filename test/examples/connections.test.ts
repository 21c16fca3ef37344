/** The recipes for connections that stay open: event streams and WebSockets, with an expiry in the middle. */
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { authorizedEventSource } from '../../examples/event-stream/authorized-event-source.ts';
import { authorizedSocket } from '../../examples/websocket/authorized-socket.ts';
import { rejection, times } from '../support/promises.ts';
import { oneRefresh, protectedPlace, type Stage, stage } from './support/stage.ts';

describe('event streams', () => {
  /** Counts on from the last event that the client has seen, two events a connection, and asks to come back at once. */
  async function counter() {
    const asked: (string | undefined)[] = [];
    const place = await protectedPlace(({ headers }, response) => {
      const last = headers['last-event-id'] as string | undefined;
      asked.push(last);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('retry: 1\n\n');
      for (const id of [1, 2].map((step) => Number(last ?? 0) + step)) tell(response, id);
      response.end();
    });
    return Object.assign(place, { asked });
  }
  const tell = (response: ServerResponse, id: number) => response.write(`id: ${id}\ndata: event ${id}\n\n`);

  test('go on after the last event that came, with a token that is fresh', async () => {
    await using place = await counter();
    await using world = await stage(place);
    const source = authorizedEventSource(place.url, world.manager);
    const heard: string[] = [];
    await new Promise<void>((enough) => {
      source.onmessage = ({ data }) => {
        heard.push(data);
        if (heard.length === 2) world.server.expire(); // this stream ends, and so did its token
        if (heard.length === 6) enough();
      };
    });
    source.close();
    expect(heard).toEqual(times(6, (index) => `event ${index + 1}`));
    expect(place.asked.slice(0, 3)).toEqual([undefined, '2', '4']);
    expect(world.server.counts).toMatchObject(oneRefresh);
  });

  test('20 of them that come back at the same time refresh once', async () => {
    await using place = await counter();
    await using world = await stage(place);
    world.server.expire();
    const sources = times(20, () => authorizedEventSource(place.url, world.manager));
    await Promise.all(sources.map((source) => new Promise((open) => source.addEventListener('open', open))));
    for (const source of sources) source.close();
    expect(world.server.counts).toMatchObject(oneRefresh);
  });

  test('a refresh that fails for a while does not end them', async () => {
    await using place = await counter();
    await using world = await stage(place);
    world.server.fail({ response: { status: 503, headers: { 'retry-after': '0' } } });
    const source = authorizedEventSource(place.url, world.manager);
    const failures: unknown[] = [];
    source.onerror = ({ code }) => {
      failures.push(code);
      world.clock.ahead += 60_000; // the pause after a failure has passed
    };
    await new Promise<void>((back) => {
      let count = 0;
      source.onmessage = () => {
        count += 1;
        if (count === 2) world.server.expire();
        if (count === 3) back();
      };
    });
    source.close();
    expect(failures).not.toContain(401);
    expect(world.server.counts).toMatchObject({ refreshes: 1, faults: 1, reuses: 0 });
  });

  test('end with the session', async () => {
    await using place = await counter();
    await using world = await stage(place);
    await world.manager.signOut();
    const source = authorizedEventSource(place.url, world.manager);
    const { code } = await new Promise<{ code?: number | undefined }>((failed) => {
      source.onerror = failed;
    });
    expect([code, source.readyState]).toEqual([401, source.CLOSED]);
    expect(place.asked).toEqual([]);
  });
});

describe('WebSockets', () => {
  /** Wants the token in the first message, and then says everything back. */
  async function echoing(options: { readonly judge?: () => boolean } = {}) {
    const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await new Promise((listening) => sockets.once('listening', listening));
    const urls: (string | undefined)[] = [];
    const place = {
      url: `ws://127.0.0.1:${(sockets.address() as AddressInfo).port}/socket`,
      urls,
      world: undefined as Stage | undefined,
      async [Symbol.asyncDispose]() {
        for (const socket of sockets.clients) socket.terminate();
        await new Promise((closed) => sockets.close(closed));
      },
    };
    sockets.on('connection', (socket, request) => {
      urls.push(request.url);
      socket.once('message', (first) => {
        const { token } = JSON.parse(String(first)) as { token: string };
        if (!(options.judge?.() ?? place.world?.server.isActive(token))) return socket.close(4401, 'no');
        socket.on('message', (message) => socket.send(String(message)));
        return socket.send('welcome');
      });
    });
    return place;
  }
  const said = async (socket: WebSocket, text: string) => {
    const answer = new Promise<string>((resolve) => {
      socket.onmessage = ({ data }) => resolve(String(data));
    });
    socket.send(text);
    return answer;
  };

  test('open with a token that is fresh, and the token is in no URL (6750-03)', async () => {
    await using place = await echoing();
    await using world = await stage();
    place.world = world;
    expect(await said(await authorizedSocket(place.url, world.manager), 'one')).toBe('one');
    world.server.expire();
    const sockets = await Promise.all(times(20, () => authorizedSocket(place.url, world.manager)));
    expect(await Promise.all(sockets.map((socket, index) => said(socket, `${index}`)))).toEqual(
      times(20, String),
    );
    expect(new Set(place.urls)).toEqual(new Set(['/socket']));
    expect(world.server.counts).toMatchObject(oneRefresh);
  });

  test('a server that rejects the fresh token as well is not asked again', async () => {
    await using place = await echoing({ judge: () => false });
    await using world = await stage();
    expect(await rejection(authorizedSocket(place.url, world.manager))).toMatchObject({ code: 4401 });
    expect(place.urls).toHaveLength(2);
    expect(world.server.counts.refreshes).toBe(1);
  });

  test('another end is an error at once, and ws: is for this machine only', async () => {
    await using world = await stage();
    expect(await rejection(authorizedSocket('ws://127.0.0.1:9/', world.manager))).toMatchObject({
      code: 1006,
    });
    expect((await rejection(authorizedSocket('ws://api.test/', world.manager))).message).toContain('wss:');
    expect(world.server.counts.refreshes).toBe(0);
  });
});
