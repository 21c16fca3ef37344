/** K3c: an operation that hangs once blocks only the calls that await it. The next call repeats it (law judgements-end). */
import { generateKeyPairSync } from 'node:crypto';
import { discover } from 'tokenkeep';
import { indexedDbStorage } from 'tokenkeep/browser';
import { privateKeyJwt } from 'tokenkeep/client-assertion';
import { keyringStorage } from 'tokenkeep/node';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { completeClock } from '../../src/async/abortable.ts';
import { AuthorizationServerResolver } from '../../src/token-endpoint/authorization-server-resolver.ts';
import { announcePresence, PagePresence } from '../../src/worker/worker-liveness.ts';
import { installIndexedDb } from '../support/indexed-db.ts';
import { settlement } from '../support/promises.ts';

installIndexedDb();

const minute = 60_000;
const turns = async (count = 20) => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
};
const hangsOnce = <T>(make: () => T | Promise<T>) => {
  let calls = 0;
  return () => (++calls === 1 ? new Promise<T>(() => undefined) : Promise.resolve(make()));
};

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('the authorization server is found out', () => {
  const server = { tokenEndpoint: 'https://as.example.com/token' };

  test('by a function that hangs once: the next call asks it again', async () => {
    const source = new AuthorizationServerResolver(
      hangsOnce(() => server),
      {
        clock: completeClock(undefined),
        timeout: 30_000,
      },
    );
    const first = expect(source.resolve()).rejects.toMatchObject({ name: 'TimeoutError' });
    await vi.advanceTimersByTimeAsync(30_000);
    await first;
    expect(await source.resolve()).toEqual(server);
  });

  test('by a document whose body hangs once: the next call asks for it again', async () => {
    const issuer = 'https://as.example.com';
    const document = { issuer, token_endpoint: `${issuer}/token` };
    let hangs = true;
    const find = discover(issuer, {
      fetch: async () => (hangs ? new Response(new ReadableStream()) : Response.json(document)),
    });
    const first = expect(find()).rejects.toThrow('could not be read');
    await vi.advanceTimersByTimeAsync(minute);
    await turns();
    await vi.advanceTimersByTimeAsync(minute);
    await first;
    hangs = false;
    expect(await find()).toMatchObject({ tokenEndpoint: document.token_endpoint });
  });
});

test('the key of a client that hangs once when it is imported is imported again', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const importKey = crypto.subtle.importKey.bind(crypto.subtle);
  const spy = vi.spyOn(crypto.subtle, 'importKey');
  spy.mockReturnValueOnce(new Promise<never>(() => undefined) as never);
  spy.mockImplementation(importKey as never);
  const method = privateKeyJwt({
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
    algorithm: 'ES256',
  });
  const authorizationServer = { tokenEndpoint: 'https://as.example.com/token' };
  const request = () => {
    const parameters = new URLSearchParams();
    const headers = new Headers();
    return Promise.resolve(
      method.authenticate({ clientId: 'app', authorizationServer, parameters, headers }),
    ).then(() => parameters);
  };
  const first = expect(request()).rejects.toMatchObject({ name: 'TimeoutError' });
  await vi.waitUntil(() => spy.mock.calls.length === 1);
  await vi.advanceTimersByTimeAsync(30_000);
  await first;
  expect((await request()).get('client_assertion')).toMatch(/^ey/);
});

test('a database that hangs once when it is opened is opened again', async () => {
  vi.stubGlobal('BroadcastChannel', undefined);
  const open = vi.spyOn(indexedDB, 'open');
  open.mockReturnValueOnce({} as IDBOpenDBRequest);
  const storage = indexedDbStorage({ name: 'hangs once', encrypt: false });
  const first = storage.read('key');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await first).toBeUndefined();
  expect(await storage.read('key')).toBeUndefined();
  expect(open).toHaveBeenCalledTimes(2);
  vi.unstubAllGlobals();
});

test('a hanging keyring call is repeated once, so that at most two threads are blocked', async () => {
  const asked: string[] = [];
  const pending: (() => void)[] = [];
  let hangs = true;
  class AsyncEntry {
    readonly #account: string;
    constructor(_service: string, account: string) {
      this.#account = account;
    }
    async getPassword() {
      asked.push(this.#account);
      if (hangs) await new Promise<void>((resolve) => pending.push(resolve));
      return null;
    }
    async setPassword() {}
    async deletePassword() {
      return false;
    }
  }
  const storage = keyringStorage({ service: 'test', records: 'keyring', keyring: { AsyncEntry } });
  const reads = ['a', 'b', 'c'].map((key) => settlement(storage.read(key)));
  await turns();
  expect(asked).toEqual(['a']);
  await vi.advanceTimersByTimeAsync(30_000);
  await turns();
  expect(asked).toEqual(['a', 'b']);
  await vi.advanceTimersByTimeAsync(10 * minute);
  await turns();
  expect(asked).toEqual(['a', 'b']);
  hangs = false;
  pending[0]?.();
  pending[1]?.();
  await turns();
  expect(asked).toEqual(['a', 'b', 'c']);
  expect(reads.map(({ done }) => done)).toEqual([true, true, true]);
  // After that, one call at a time again.
  hangs = true;
  const later = ['d', 'e'].map((key) => settlement(storage.read(key)));
  await turns();
  expect(asked).toEqual(['a', 'b', 'c', 'd']);
  hangs = false;
  pending[2]?.();
  await turns();
  expect(later.map(({ done }) => done)).toEqual([true, true]);
  storage.close();
});

describe('a Web Lock of a page', () => {
  type Held = (lock: null) => unknown;
  const locksThat = (request: (name: string, held: Held) => Promise<unknown>) =>
    ({ request }) as unknown as LockManager;

  test('that hangs once times out after 30 s, and the next operation requests it again', async () => {
    const names: string[] = [];
    const given: Held[] = [];
    const presence = new PagePresence(
      locksThat((name, held) => {
        names.push(name);
        given.push(held);
        return names.length === 1 ? new Promise(() => undefined) : Promise.resolve(held(null));
      }),
      'page:',
    );
    const first = expect(presence.begin()).rejects.toThrow('no Web Lock within 30000 ms');
    await vi.advanceTimersByTimeAsync(30_000);
    await first;
    presence.end();
    expect(await presence.begin()).toBe(names[1]);
    // The late request releases the lock at once.
    expect(await given[0]?.(null)).toBeUndefined();
  });

  test('that is granted leaves no timer running', async () => {
    const leave = await announcePresence(
      locksThat(async (_name, held) => await held(null)),
      'x',
    );
    expect(vi.getTimerCount()).toBe(0);
    leave();
  });
});
