/** Every storage of keys with every login: it works, or throws a typed error after which the login can continue. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStorage, TokenManager, type TokenStorage } from 'tokenkeep';
import { indexedDbKeys, webStorage } from 'tokenkeep/browser';
import { type Dpop, dpop, exportedKeys, type KeyStorage, memoryKeys } from 'tokenkeep/dpop';
import {
  completeLogin,
  deviceLogin,
  importSession,
  type Login,
  loopbackLogin,
  popupLogin,
  redirectLogin,
  returnFromPopup,
  startLogin,
} from 'tokenkeep/login';
import { fileStorage } from 'tokenkeep/node';
import { authorizationServer, testClock } from 'tokenkeep/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { installIndexedDb } from '../../support/indexed-db.ts';
import { api } from '../../support/open-dpop-manager.ts';
import { Page } from '../../support/page.ts';
import { rejection } from '../../support/promises.ts';

installIndexedDb();

const redirectUri = 'https://app.test/callback';

/** A storage of the user's own that keeps pairs as they are, under a name of its own. */
function ownKeys(reach: 'process' | 'machine' = 'machine'): KeyStorage {
  const pairs = new Map<string, CryptoKeyPair>();
  return {
    reach,
    read: async (name) => pairs.get(name) as never,
    write: async (name, pair) => void pairs.set(name, pair as CryptoKeyPair),
    delete: async (name) => void pairs.delete(name),
  };
}

/** The members of `Storage` that are used. */
function area(): Storage {
  const items = new Map<string, string>();
  return {
    getItem: (name: string) => items.get(name) ?? null,
    setItem: (name: string, value: string) => void items.set(name, value),
    removeItem: (name: string) => void items.delete(name),
  } as Storage;
}

const closing: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function inFile(): TokenStorage {
  const folder = mkdtempSync(join(tmpdir(), 'tokenkeep-keys-'));
  closing.push(() => rmSync(folder, { recursive: true, force: true }));
  return fileStorage({ path: join(folder, 'keys.db') });
}

let count = 0;
const storages: Readonly<Record<string, () => KeyStorage>> = {
  'memoryKeys()': memoryKeys,
  'indexedDbKeys()': () => indexedDbKeys({ name: `keys ${count++}` }),
  'exportedKeys(memoryStorage())': () => exportedKeys(memoryStorage()),
  'exportedKeys(webStorage())': () => exportedKeys(webStorage(area(), { prefix: `keys ${count++}` })),
  'exportedKeys(fileStorage())': () => exportedKeys(inFile()),
  'one of your own': ownKeys,
};

/** A client with these keys. Opening it again clears the memory of `dpop()`, as a redirect does with a page. */
function site(keys: KeyStorage) {
  vi.stubGlobal('WorkerGlobalScope', class {}); // for webStorage(): no server
  const clock = testClock();
  const server = authorizationServer({ clock, dpop: { required: true } });
  const authorizationEndpoint = server.metadata.authorizationEndpoint ?? '';
  const open = (possession: Dpop = dpop({ keys })) => ({
    clientId: 'test-client',
    authorizationServer: { ...server.metadata, authorizationEndpoint },
    fetch: server.fetch,
    clock,
    dpop: possession,
  });
  const managerOf = (client: ReturnType<typeof open>) =>
    new TokenManager({ ...client, protectedResources: ['https://api.test/'] });
  /** The callback URL after the browser visited the authorization URL. */
  const visit = async (url: string) =>
    (await server.fetch(url, { redirect: 'manual' })).headers.get('location') ?? '';
  return { clock, server, keys, open, managerOf, visit, pending: new Map<string, string>() };
}

type Site = ReturnType<typeof site>;

/** Each login, returning the manager that has its tokens. */
const logins: Readonly<Record<string, (site: Site) => Promise<TokenManager>>> = {
  async 'startLogin() and completeLogin()'({ open, pending, visit, managerOf }) {
    const { url } = await startLogin({ ...open(), redirectUri, pending });
    return await signedIn(managerOf(open()), completeLogin({ ...open(), pending }, await visit(url)));
  },
  async 'redirectLogin()'({ open, pending, visit, managerOf, keys }) {
    const page = new Page('https://app.test/');
    // In a page these keys are rejected. Here the page does not unload.
    const possession = { ...dpop({ keys }), reach: 'machine' } as Dpop;
    const options = { page, redirectUri, pending };
    void redirectLogin({ ...options, manager: managerOf(open(possession)) }).begin();
    await vi.waitUntil(() => page.sent.length > 0);
    page.location.href = await visit(page.sent[0] ?? '');
    const manager = managerOf(open());
    expect(await redirectLogin({ ...options, manager }).finish()).toMatchObject({ outcome: 'signed-in' });
    return manager;
  },
  async 'popupLogin()'({ open, visit, managerOf }) {
    vi.stubGlobal('location', new URL(redirectUri));
    const sent = Promise.withResolvers<string>();
    vi.stubGlobal('open', () => ({
      closed: false,
      location: { replace: sent.resolve },
      close: () => undefined,
    }));
    vi.stubGlobal('close', () => undefined);
    const channels = new Set<Channel>();
    class Channel {
      onmessage: ((event: object) => void) | undefined;
      constructor() {
        channels.add(this);
      }
      postMessage(data: unknown) {
        for (const other of channels) {
          if (other !== this) other.onmessage?.({ data, origin: new URL(redirectUri).origin });
        }
      }
      close() {
        channels.delete(this);
      }
    }
    vi.stubGlobal('BroadcastChannel', Channel);
    const client = open();
    const login = popupLogin({ ...client, redirectUri });
    returnFromPopup(await visit(await sent.promise));
    return await signedIn(managerOf(client), login);
  },
  async 'loopbackLogin()'({ open, visit, managerOf }) {
    const client = open();
    const show = async (url: string) => void fetch(await visit(url)).then((page) => page.text());
    return await signedIn(managerOf(client), loopbackLogin({ ...client, open: show }));
  },
  async 'deviceLogin()'({ open, server, managerOf, clock }) {
    const client = open();
    const device = { device_code: 'd', user_code: 'U', verification_uri: 'https://as.test/go', interval: 5 };
    const transport: typeof fetch = async (input, init) => {
      if (String(input).endsWith('/device')) return Response.json(device);
      const body = new URLSearchParams(String(init?.body ?? ''));
      if (!String(input).endsWith('/token') || body.get('grant_type') === 'refresh_token')
        return await server.fetch(input, init);
      const proof = new Headers(init?.headers).get('dpop') ?? '';
      const { jwk } = JSON.parse(Buffer.from(proof.split('.')[0] ?? '', 'base64url').toString());
      return Response.json(server.signIn({ jkt: await thumbprint(jwk) }));
    };
    const endpoint = 'https://as.test/device';
    const login = deviceLogin({
      ...client,
      authorizationServer: { ...client.authorizationServer, deviceAuthorizationEndpoint: endpoint },
      fetch: transport,
      onPrompt: () => undefined,
    });
    let isOver = false;
    login.finally(() => {
      isOver = true;
    });
    while (!isOver) await clock.advance(10);
    return await signedIn(managerOf(client), login);
  },
  async 'importSession()'({ open, server, managerOf }) {
    const client = open();
    const key = await client.dpop.generate();
    await client.dpop.keep(key);
    const { access_token: accessToken, refresh_token: refreshToken } = server.signIn({ jkt: key.thumbprint });
    let former: object | undefined = {
      accessToken,
      refreshToken,
      tokenType: 'DPoP',
      thumbprint: key.thumbprint,
    };
    const manager = managerOf(open());
    const place = {
      read: () => former as never,
      remove: () => {
        former = undefined;
      },
    };
    expect(await importSession(manager, place)).toEqual({ outcome: 'imported' });
    return manager;
  },
  async 'setTokens()'({ open, server, managerOf }) {
    const client = open();
    const key = await client.dpop.generate();
    await client.dpop.keep(key);
    await client.dpop.keep((await client.dpop.load(key.thumbprint)) ?? key); // once more is once
    const manager = managerOf(open());
    await manager.setTokens({ ...server.signIn({ jkt: key.thumbprint }), dpop_jkt: key.thumbprint });
    return manager;
  },
};

async function signedIn(manager: TokenManager, login: Promise<Login>): Promise<TokenManager> {
  await manager.setTokens((await login).tokens);
  return manager;
}

async function thumbprint({ crv, kty, x, y }: JsonWebKey): Promise<string> {
  const text = new TextEncoder().encode(JSON.stringify({ crv, kty, x, y }));
  return Buffer.from(await crypto.subtle.digest('SHA-256', text)).toString('base64url');
}

describe.each(Object.keys(storages))('%s', (storage) => {
  test.each(Object.keys(logins))('with %s: signs in, calls and refreshes with one key', async (login) => {
    const { server, clock, ...rest } = site((storages[storage] as () => KeyStorage)());
    const manager = await (logins[login] as (site: Site) => Promise<TokenManager>)({
      server,
      clock,
      ...rest,
    });
    closing.unshift(() => manager.close());
    expect((await manager.fetch(api)).status).toBe(200);
    server.expire();
    expect((await manager.fetch(api)).status).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 1, proofsRefused: 0, reuses: 0 });
  });
});

/** Ways in which a storage of keys can fail, each for a limited time. */
const failures: Readonly<Record<string, (keys: KeyStorage) => { keys: KeyStorage; isBroken: boolean }>> = {
  'rejects with an error of its own': (keys) => failing(keys, () => Promise.reject(new Error('disk'))),
  'throws at once': (keys) =>
    failing(keys, () => {
      throw new DOMException('blocked', 'SecurityError');
    }),
  'never answers': (keys) => failing(keys, () => new Promise(() => undefined)),
};

function failing(keys: KeyStorage, fail: () => Promise<never>) {
  const state = { isBroken: false, keys };
  const unlessBroken =
    <Parameters extends unknown[], T>(run: (...parameters: Parameters) => Promise<T>) =>
    (...parameters: Parameters): Promise<T> =>
      state.isBroken ? fail() : run(...parameters);
  state.keys = {
    ...keys,
    read: unlessBroken(keys.read),
    write: unlessBroken(keys.write),
    delete: unlessBroken(keys.delete),
  };
  return state;
}

/** Advances the clock until `promise` is settled. */
async function settled(clock: Site['clock'], promise: Promise<unknown>): Promise<Error> {
  let isOver = false;
  const failed = rejection(promise).finally(() => {
    isOver = true;
  });
  while (!isOver) await clock.advance(1_000);
  return await failed;
}

describe.each(Object.keys(failures))('a storage that %s', (failure) => {
  const broken = (keys = ownKeys()) =>
    (failures[failure] as (keys: KeyStorage) => { keys: KeyStorage; isBroken: boolean })(keys);

  test('throws a typed error when a login begins, and the user stays on the page', async () => {
    const state = broken();
    const { open, pending, clock, managerOf } = site(state.keys);
    state.isBroken = true;
    const page = new Page('https://app.test/');
    const shown = vi.fn();
    vi.stubGlobal('location', new URL(redirectUri));
    vi.stubGlobal('open', () => ({ closed: false, location: { replace: shown }, close: () => undefined }));
    const endpoint = 'https://as.test/device';
    const device = { ...open().authorizationServer, deviceAuthorizationEndpoint: endpoint };
    const attempts = [
      () => startLogin({ ...open(), redirectUri, pending }),
      () => redirectLogin({ manager: managerOf(open()), page, redirectUri, pending }).begin(),
      () => popupLogin({ ...open(), redirectUri }),
      () => loopbackLogin({ ...open(), open: shown }),
      () => deviceLogin({ ...open(), authorizationServer: device, onPrompt: shown }),
    ];
    for (const attempt of attempts) {
      expect(await settled(clock, attempt())).toMatchObject({ code: 'ERR_STORAGE', operation: 'write' });
    }
    expect([pending.size, page.sent.length, shown.mock.calls.length]).toEqual([0, 0, 0]);
  });

  test('throws a typed error when a login completes, and the same response works after it recovers', async () => {
    for (const isObject of [false, true]) {
      const state = broken();
      const { open, pending, clock, visit, managerOf, server } = site(state.keys);
      const { url } = await startLogin({ ...open(), redirectUri, pending });
      const answer = await visit(url);
      const page = new Page(answer);
      const manager = managerOf(open());
      const redirect = redirectLogin({ manager, page, redirectUri, pending });
      const complete = () =>
        isObject
          ? redirect.finish()
          : completeLogin({ ...open(), pending }, answer).then(({ tokens }) => manager.setTokens(tokens));
      state.isBroken = true;
      expect(await settled(clock, complete())).toMatchObject({ code: 'ERR_STORAGE', operation: 'read' });
      expect([pending.size, server.counts.signIns]).toEqual([1, 0]);
      state.isBroken = false;
      await complete();
      expect((await manager.fetch(api)).status).toBe(200);
      expect(pending.size).toBe(0);
    }
  });
});

test('keys that cannot be kept as text throw a typed error without private values', async () => {
  const quoting: TokenStorage = {
    ...memoryStorage(),
    write: (_, record) => Promise.reject(new Error(`refused row: ${JSON.stringify(record)}`)),
  };
  const { open, pending } = site(exportedKeys(quoting));
  const error = await rejection(startLogin({ ...open(), redirectUri, pending }));
  expect(error).toMatchObject({ code: 'ERR_STORAGE', operation: 'write' });
  expect(String((error.cause as Error).message)).toMatch(/"d":"\[redacted\]"/);

  const foreign = await dpop({ keys: memoryKeys() }).generate();
  const unkept = rejection(dpop({ keys: exportedKeys(memoryStorage()) }).keep(foreign));
  expect(await unkept).toMatchObject({ code: 'ERR_STORAGE', operation: 'write' });
});

test('a key that can no longer sign throws a typed error', async () => {
  const keys = ownKeys();
  const { open, pending, visit } = site(keys);
  const { url } = await startLogin({ ...open(), redirectUri, pending });
  const answer = await visit(url);
  vi.spyOn(crypto.subtle, 'sign').mockRejectedValue(new DOMException('gone', 'OperationError'));
  expect(await rejection(completeLogin({ ...open(), pending }, answer))).toMatchObject({
    code: 'ERR_LOGIN_FAILED',
    reason: 'no_key',
    cause: { name: 'OperationError' },
  });
});

test('an algorithm that the platform lacks throws a typed error that names it', async () => {
  vi.spyOn(crypto.subtle, 'generateKey').mockRejectedValue(
    new DOMException('unsupported', 'NotSupportedError'),
  );
  const error = await rejection(dpop({ algorithm: 'PS256' }).generate());
  expect(error).toMatchObject({ code: 'ERR_CONFIGURATION', cause: { name: 'NotSupportedError' } });
  expect(error.message).toContain('PS256');
});
