import type { TokenEvents } from 'tokenkeep';
import { testClock } from 'tokenkeep/testing';
import { describe, expect, test, vi } from 'vitest';
import { api, managerOn, refused, transportThat } from '../../support/transport.ts';

/** The README's own. */
const readme = async (response: Response): Promise<boolean> =>
  (await response.json()).error === 'token_expired';

const typed = (type: string, body: BodyInit | null, headers: Record<string, string> = {}) =>
  new Response(body, { headers: { 'content-type': type, ...headers } });

/** A body that never ends, and how much of it was asked for. */
function endless(chunk: string) {
  const bytes = new TextEncoder().encode(chunk);
  const seen = { chunks: 0, cancelled: vi.fn() };
  const body = new ReadableStream(
    {
      pull: (controller) => {
        seen.chunks += 1;
        controller.enqueue(bytes);
      },
      cancel: seen.cancelled,
    },
    { highWaterMark: 0 },
  );
  return { body, seen };
}

/** A stream that gives one chunk and stays open. */
const open = (chunk: string) =>
  new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode(chunk)) });

async function managerThat(answer: () => Response, isInvalidToken: (response: Response) => never) {
  const transport = transportThat(answer);
  const manager = await managerOn(transport, { isInvalidToken });
  const failures: TokenEvents['predicateFailed'][] = [];
  manager.on('predicateFailed', (event) => failures.push(event));
  return { manager, transport, failures };
}

describe('the predicate of the README is safe as it stands', () => {
  test.each<[string, () => Response, number]>([
    ['a 204', () => new Response(null, { status: 204 }), 204],
    ['a 205', () => new Response(null, { status: 205 }), 205],
    ['HTML', () => typed('text/html', '<!doctype html>'), 200],
    ['null', () => Response.json(null), 200],
    ['an empty body', () => typed('application/json', ''), 200],
    ['half of a JSON text', () => typed('application/json', '{"a"'), 200],
    ['a stream of events that never ends', () => typed('text/event-stream', open('data: 1\n\n')), 200],
    ['JSON lines that never end', () => typed('application/x-ndjson', open('{}\n')), 200],
    ['a stream of JSON', () => typed('application/stream+json', open('{}\n')), 200],
    ['a text that never ends', () => typed('text/plain', open('one ')), 200],
    ['a body without a type', () => new Response(open('one ')), 200],
    ['a picture', () => typed('image/png', open('PNG')), 200],
  ])('%s arrives, and an event says that the predicate failed', async (_name, answer, status) => {
    const { manager, transport, failures } = await managerThat(answer, readme as never);
    const response = await manager.fetch(api, { method: 'DELETE' });
    expect([response.status, response.bodyUsed]).toEqual([status, false]);
    expect([transport.calls.length, transport.grants.length]).toEqual([1, 0]);
    expect(failures).toMatchObject([
      {
        type: 'predicateFailed',
        session: 'default',
        resource: `${api}`,
        error: expect.objectContaining({ name: expect.stringMatching(/^(Syntax|Type)Error$/) }),
      },
    ]);
    await response.body?.cancel();
  });

  test.each([
    ['JSON', 'application/json'],
    ['a problem', 'application/problem+json; charset=utf-8'],
    ['JSON under another name', 'text/json'],
    ['JSON as a page', 'text/html; charset=utf-8'],
  ])('and sees %s', async (_name, type) => {
    const { manager, transport, failures } = await managerThat(
      () => typed(type, '{"error":"token_expired"}'),
      readme as never,
    );
    expect(await (await manager.fetch(api)).text()).toBe('{"error":"token_expired"}');
    expect([transport.calls.length, transport.grants.length, failures.length]).toEqual([2, 1, 0]);
  });

  test('and sees a text that says how long it is', async () => {
    const text = '{"error":"token_expired"}';
    const length = { 'content-length': String(text.length) };
    const { manager, transport } = await managerThat(
      () => typed('text/plain', text, length),
      readme as never,
    );
    await manager.fetch(api);
    expect(transport.grants).toHaveLength(1);
  });
});

describe('bounded', () => {
  test('of JSON without an end 64 KiB are read, and the response continues', async () => {
    const { body, seen } = endless('x'.repeat(1024));
    const { manager, failures } = await managerThat(() => typed('application/json', body), readme as never);
    const response = await manager.fetch(api);
    expect(failures[0]?.error?.message).toMatch(/64 KiB/);
    expect(seen.chunks).toBeLessThan(70);
    const reader = response.body?.getReader();
    const { value } = (await reader?.read()) ?? {};
    expect(value?.byteLength).toBe(1024);
    await reader?.cancel();
    await vi.waitUntil(() => seen.cancelled.mock.calls.length === 1);
  });

  test.each([
    ['that says that it is longer than 64 KiB', { 'content-length': '65537' }],
    ['that the predicate does not look at', {}],
  ])('nothing is read of a body %s', async (_name, headers) => {
    const { body, seen } = endless('x');
    const sizes: number[] = [];
    const { manager } = await managerThat(() => typed('application/json', body, headers), (async (
      copy: Response,
    ) => {
      sizes.push(copy.status);
      return false;
    }) as never);
    await manager.fetch(api);
    expect([sizes, seen.chunks]).toEqual([[200], 0]);
  });

  test('a stream of Node is shown if it is short, as its two readers hold each other up', async () => {
    const cloned = vi.fn();
    const answer = (length: string) => () =>
      Object.defineProperties(typed('application/json', '{}', { 'content-length': length }), {
        body: { value: { pipe: () => undefined } },
        clone: {
          value: () => {
            cloned();
            return Response.json({ error: 'other' });
          },
        },
      });
    for (const [length, expected] of [
      ['16384', 1],
      ['16385', 1],
    ] as const) {
      const { manager } = await managerThat(answer(length), (async (copy: Response) => {
        await copy.text();
        return false;
      }) as never);
      expect((await manager.fetch(api)).status).toBe(200);
      expect(cloned).toHaveBeenCalledTimes(expected);
    }
  });

  test('the copy has the head of the response', async () => {
    const copies: unknown[] = [];
    const answer = () =>
      Object.defineProperties(
        new Response(open('x'), { status: 418, statusText: 'Tea', headers: { a: 'b' } }),
        {
          url: { value: api },
          redirected: { value: false },
          type: { value: 'cors' },
        },
      );
    const { manager } = await managerThat(answer, (async (copy: Response) => {
      const { status, statusText, url, type, body } = copy;
      copies.push({ status, statusText, url, type, body, a: copy.headers.get('a') });
      return false;
    }) as never);
    await (await manager.fetch(api)).body?.cancel();
    expect(copies).toEqual([{ status: 418, statusText: 'Tea', url: api, type: 'cors', body: null, a: 'b' }]);
  });
});

describe('a predicate that fails is ignored', () => {
  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new RangeError('mine');
      },
    ],
    ['rejects', () => Promise.reject(new RangeError('mine'))],
  ])('one that %s: the response is returned, unread', async (_name, predicate) => {
    const { manager, transport, failures } = await managerThat(
      () => new Response('fine'),
      predicate as never,
    );
    expect(await (await manager.fetch(api)).text()).toBe('fine');
    expect([transport.calls.length, transport.grants.length]).toEqual([1, 0]);
    expect(failures.map(({ error }) => error?.message)).toEqual(['mine']);
  });

  test('the rules for 401 go on to apply', async () => {
    const answers = [refused(), new Response('fine')];
    const { manager, failures } = await managerThat(() => answers.shift() as Response, (() =>
      Promise.reject(new RangeError('mine'))) as never);
    expect((await manager.fetch(api)).status).toBe(200);
    expect(failures).toHaveLength(2);
  });

  test('the event holds no token, also when the error quotes it', async () => {
    const { manager, failures } = await managerThat(() => new Response('fine'), (() =>
      Promise.reject(new Error('of access-0', { cause: new Error('Bearer access-0') }))) as never);
    await manager.fetch(api);
    expect(failures[0]?.error?.message).not.toContain('access-0');
    expect(String(failures[0]?.error?.cause)).not.toContain('access-0');
  });

  test('one that never settles times out', async () => {
    const clock = testClock();
    const asked = Promise.withResolvers<void>();
    const isInvalidToken = () => {
      asked.resolve();
      return new Promise<boolean>(() => undefined);
    };
    const transport = transportThat(() => new Response('fine'));
    const manager = await managerOn(transport, { clock, timeout: 5_000, isInvalidToken });
    const failures: unknown[] = [];
    manager.on('predicateFailed', ({ error }) => failures.push(error?.name));
    const call = manager.fetch(api);
    await asked.promise;
    await clock.advance(5_000);
    expect(await (await call).text()).toBe('fine');
    expect(failures).toEqual(['TimeoutError']);
  });

  test('an abort while it runs rejects the call and cancels the response', async () => {
    const { body, seen } = endless('x');
    const controller = new AbortController();
    const { manager, failures } = await managerThat(() => new Response(body), (() => {
      controller.abort('mine');
      return new Promise(() => undefined);
    }) as never);
    await expect(manager.fetch(api, { signal: controller.signal })).rejects.toBe('mine');
    expect([seen.cancelled.mock.calls.length, failures.length]).toEqual([1, 0]);
  });
});
