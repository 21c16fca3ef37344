import { runInNewContext } from 'node:vm';
import type { TokenEvents } from 'tokenkeep';
import { authorizationServer } from 'tokenkeep/testing';
import { describe, expect, test, vi } from 'vitest';
import { isInstance } from '../../../src/core/platform-class.ts';
import { packRequest } from '../../../src/worker/packed-request.ts';
import { api, managerOn, refused, transportThat } from '../../support/transport.ts';

/** Objects of a frame, zone.js, jsdom or a polyfill. Their classes are not those of this realm. */
const foreign = <T>(code: string): T => runInNewContext(code) as T;
const ok = () => new Response('fine');

describe('a promise of another realm is waited for', () => {
  test('that a listener returns', async () => {
    const manager = await managerOn(transportThat(ok));
    const failed: TokenEvents['listenerFailed'][] = [];
    manager.on('listenerFailed', (event) => failed.push(event));
    manager.on('signedOut', () => foreign('Promise.reject(new Error("of a frame"))'));
    await manager.signOut();
    await vi.waitUntil(() => failed.length === 1);
    expect(failed[0]).toMatchObject({ of: 'signedOut', error: { message: 'of a frame' } });
  });

  test('that isInvalidToken returns', async () => {
    const answers = [ok(), ok()];
    const transport = transportThat(() => answers.shift() as Response);
    const results = [
      foreign<Promise<boolean>>('Promise.resolve(true)'),
      foreign<Promise<boolean>>('Promise.resolve(false)'),
    ];
    const manager = await managerOn(transport, { isInvalidToken: () => results.shift() as Promise<boolean> });
    await manager.fetch(api);
    expect(transport.grants).toHaveLength(1);
  });

  test('that profile.classify returns is refused, and its rejection is handled', async () => {
    const classify = () => foreign('Promise.reject(new Error("of a frame"))');
    const transport = transportThat(ok, () => Response.json({ error: 'odd' }, { status: 400 }));
    const manager = await managerOn(transport, {
      expired: true,
      authorizationServer: {
        tokenEndpoint: 'https://as.example.com/token',
        profile: { classify: classify as never },
      },
    });
    await expect(manager.fetch(api)).rejects.toMatchObject({ code: 'ERR_CONFIGURATION' });
  });

  test('that the test server makes while zone.js has another Promise in place', async () => {
    const server = authorizationServer();
    vi.stubGlobal('Promise', class extends Promise<unknown> {});
    const response = await server.fetch(server.metadata.tokenEndpoint, {
      method: 'POST',
      body: new URLSearchParams({ client_id: 'test-client', grant_type: 'nonsense' }),
    });
    expect([response.status, await response.json()]).toEqual([
      400,
      expect.objectContaining({ error: 'unsupported_grant_type' }),
    ]);
  });
});

describe('an object of another realm is read like one of this', () => {
  test.each([
    ['a buffer', 'new Uint8Array([111, 110, 101]).buffer'],
    ['a view', 'new Uint8Array([111, 110, 101])'],
  ])('%s that changes after the call', async (_name, code) => {
    const body = foreign<Uint8Array<ArrayBuffer>>(code);
    const sent: string[] = [];
    const transport = transportThat(async ({ init }, count) => {
      sent.push(await new Response(init?.body).text());
      return count === 1 ? refused() : ok();
    });
    const manager = await managerOn(transport);
    const call = manager.fetch(api, { method: 'POST', body });
    new Uint8Array(body.buffer ?? body).fill(120);
    await call;
    expect(sent).toEqual(['one', 'one']);
  });

  test('parameters and headers', async () => {
    class Parameters extends Array<[string, string]> {
      readonly [Symbol.toStringTag] = 'URLSearchParams';
      override toString() {
        return this.map((pair) => pair.join('=')).join('&');
      }
    }
    const body = new Parameters(['page', '1']);
    const sent: string[] = [];
    const transport = transportThat(async ({ init }, count) => {
      sent.push(await new Response(init?.body).text());
      return count === 1 ? refused() : ok();
    });
    const manager = await managerOn(transport);
    const call = manager.fetch(api, {
      method: 'POST',
      body: body as never,
      headers: foreign('({ a: "b" })'),
    });
    body[0] = ['page', '9'];
    await call;
    expect(sent).toEqual(['page=1', 'page=1']);
    expect(new Headers(transport.calls[1]?.init?.headers).get('a')).toBe('b');
  });

  test('a stream on its way to a worker', async () => {
    const body = { getReader: () => new ReadableStream().getReader() };
    const { upload } = await packRequest(api, { method: 'POST', body: body as never });
    expect(upload).toBe(body);
  });

  test('a key', () => {
    expect(isInstance({ [Symbol.toStringTag]: 'CryptoKey' }, 'CryptoKey')).toBe(true);
    expect(isInstance(null, 'CryptoKey')).toBe(false);
    expect(isInstance('https://a.example', 'URL')).toBe(false);
  });

  test('an instance of a class without a tag, as in React Native', () => {
    const Untagged = class {};
    vi.stubGlobal('URLSearchParams', Untagged);
    expect([isInstance(new Untagged(), 'URLSearchParams'), isInstance({}, 'URLSearchParams')]).toEqual([
      true,
      false,
    ]);
  });
});

test('the referrer of a request is passed on to a worker', async () => {
  const { request } = await packRequest(api, { referrer: '', referrerPolicy: 'no-referrer' });
  expect(request.requestOptions).toEqual({ referrer: '', referrerPolicy: 'no-referrer' });
});
