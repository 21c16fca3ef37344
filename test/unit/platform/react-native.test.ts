/** Differences of React Native's own JavaScript, tested with doubles modelled on react-native 0.88.1. */
import { expect, test, vi } from 'vitest';
import { openManager } from '../../support/open-manager.ts';

/** `Libraries/Network/FormData.js`: no tag, no iterator, and files by their address. */
class NativeFormData {
  readonly parts: [string, unknown][] = [];
  append(name: string, value: unknown): void {
    this.parts.push([name, value]);
  }
}

test('a form with { uri, name, type } parts goes out as it is, and so does its replay', async () => {
  const sent: unknown[] = [];
  const { server, open } = await openManager();
  const manager = open({
    fetch: async (input, init) => {
      if (String(input).startsWith(server.apiOrigin)) {
        sent.push(init?.body);
        return await server.fetch(input, { ...init, body: 'form' });
      }
      return await server.fetch(input, init);
    },
  });
  const form = new NativeFormData();
  form.append('photo', { uri: 'file:///photo.jpg', name: 'photo.jpg', type: 'image/jpeg' });
  server.expire();
  const response = await manager.fetch(`${server.apiOrigin}/photos`, { method: 'POST', body: form as never });
  expect(response.status).toBe(200);
  expect(sent).toEqual([form, form]);
  expect(sent.every((body) => body === form)).toBe(true);
});

test('headers without a tag, answers without streams and with no word about redirects: 50 calls, one refresh', async () => {
  const { server, open } = await openManager();
  const manager = open({
    fetch: async (input, init) => {
      const answer = await server.fetch(input, init);
      const text = await answer.text();
      const { status, ok } = answer;
      const headers = { get: (name: string) => answer.headers.get(name) };
      return { status, ok, headers, url: String(input), text: async () => text, clone: vi.fn() } as never;
    },
  });
  server.expire();
  const calls = Array.from({ length: 50 }, () => manager.fetch(`${server.apiOrigin}/orders`));
  expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(Array(50).fill(200));
  expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  expect(await manager.signOut()).toMatchObject({ revoked: true });
});
