/** Options of a similar but wrong kind: rejected immediately with the right one, and not by a `TypeError` later. */
import { createRequire } from 'node:module';
import { indexedDbKeys, indexedDbStorage, webLock, webStorage } from 'tokenkeep/browser';
import {
  connectTokenManager,
  electronStorage,
  exposeTokenManager,
  serveTokenManager,
} from 'tokenkeep/electron';
import { keyringStorage, publishEvents } from 'tokenkeep/node';
import { instrument } from 'tokenkeep/opentelemetry';
import { postgresStorage } from 'tokenkeep/postgres';
import { redisStorage } from 'tokenkeep/redis';
import { expect, test } from 'vitest';
import { explained } from '../support/explained.ts';

const require = createRequire(import.meta.url);
const { Client, Pool } = require('pg');
const { createClient, createClientPool } = require('redis');
const { Redis } = require('ioredis');
const call = () => undefined;
/** As `createClient()` of redis 3 gives it. */
const redis3 = { evalsha: call, eval: call, on: call, connected: true };
const api = { trace: { getTracer: call }, metrics: { getMeter: call } };

test.each<[string, () => unknown, string]>([
  ['a client of pg', () => postgresStorage({ pool: new Client() }), 'Pass a Pool, new Pool(…)'],
  [
    'a client of a pool of pg',
    () => postgresStorage({ pool: { query: call, connect: call, release: call } as never }),
    'Pass a Pool, new Pool(…)',
  ],
  ['a pool of redis', () => redisStorage({ client: createClientPool() }), 'Pass one client, createClient()'],
  [
    'a client of redis 3',
    () => redisStorage({ client: redis3 as never }),
    'Install redis 4 or newer, or ioredis',
  ],
  [
    'a subscriber of the other package',
    () => redisStorage({ client: createClient(), subscriber: new Redis({ lazyConnect: true }) }),
    'the same package as the option client',
  ],
  [
    'the module electron for its safeStorage',
    () => electronStorage({ safeStorage: { app: {}, safeStorage: {} } as never, path: 'x' }),
    "must be Electron's module of this name",
  ],
  [
    'modules of the main process in a preload script',
    () => exposeTokenManager({ contextBridge: {} as never, ipcRenderer: { handle: call } as never }),
    'in a preload script',
  ],
  [
    'ipcRenderer for ipcMain',
    () => serveTokenManager({ ipcMain: { invoke: call }, manager: { fetch } } as never),
    'those of the main process',
  ],
  ['a bridge that is not there', () => connectTokenManager(undefined as never), 'Call exposeTokenManager()'],
  [
    'an object that is not a keyring module',
    () => keyringStorage({ service: 'x', keyring: { getPassword: call } as never }),
    "what import('@napi-rs/keyring') gives",
  ],
  ['a fetch for a manager', () => publishEvents(fetch as never), 'must be a TokenManager'],
  ['a fetch for a manager', () => instrument(fetch as never, api as never), 'must be a TokenManager'],
  ['a text for options', () => indexedDbStorage('my-app' as never), 'the options must be an object'],
  ['a number for a name', () => indexedDbStorage({ name: 1 as never }), 'the option name must be'],
  ['a text for a boolean', () => indexedDbStorage({ encrypt: 'yes' as never }), 'the option encrypt must be'],
  ['a text for options', () => indexedDbKeys('my-app' as never), 'the options must be an object'],
  ['an empty name', () => indexedDbKeys({ name: '' }), 'the option name must be'],
  ['a text for a lease', () => webLock({ lease: '50s' as never }), 'the option lease must be'],
  ['a number for options', () => webLock(50_000 as never), 'the options must be an object'],
  [
    'a number for a prefix',
    () => webStorage(() => localStorage, { prefix: 1 as never }),
    'the option prefix must be',
  ],
])('%s is refused with the remedy', (_what, make, remedy) => {
  expect(make).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIGURATION', message: expect.stringMatching(explained(remedy)) }),
  );
});

test('a pool of pg, and clients of redis and ioredis, are accepted', () => {
  expect(() => postgresStorage({ pool: new Pool() })).not.toThrow();
  expect(() => redisStorage({ client: createClient() })).not.toThrow();
  const lazy = () => new Redis({ lazyConnect: true });
  expect(() => redisStorage({ client: lazy(), subscriber: lazy() })).not.toThrow();
});

test.each<[string, () => unknown, string, string]>([
  [
    'answers with promises',
    () => ({ getItem: async () => null }),
    'ERR_CONFIGURATION',
    'Wrap it in your own TokenStorage',
  ],
  ['is something else', () => ({ getItem: () => undefined }), 'ERR_CONFIGURATION', 'Pass () => localStorage'],
  ['is not there', () => undefined, 'ERR_STORAGE', 'Pass () => localStorage'],
])(
  'a web storage that %s throws an error with the remedy on first use',
  async (_what, area, code, remedy) => {
    const storage = webStorage(area as () => Storage);
    await expect(storage.read('key')).rejects.toMatchObject({
      code,
      message: expect.stringMatching(explained(remedy)),
    });
    const writing = storage.write('key', {}, undefined);
    await expect(writing).rejects.toMatchObject({ code, message: expect.stringMatching(explained(remedy)) });
  },
);
