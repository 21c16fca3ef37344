/** One manager, a strict server, a storage that can be made to fail, and a clock that stands still. */
import {
  memoryStorage,
  StorageError,
  TokenManager,
  type TokenManagerOptions,
  type TokenStorage,
} from 'tokenkeep';
import {
  type AuthorizationServerOptions,
  authorizationServer,
  type TestAuthorizationServer,
  testClock,
} from 'tokenkeep/testing';
import { withoutChance } from './without-chance.ts';

export const api = 'https://api.test/messages';
export const key = 'test-client/default';

export type Setup = Awaited<ReturnType<typeof setup>>;
type Event = { readonly type: string } & Readonly<Record<string, unknown>>;

export interface SetupOptions {
  readonly server?: AuthorizationServerOptions;
  readonly manager?: Partial<TokenManagerOptions>;
  readonly signedIn?: boolean;
}

const eventTypes = [
  'refreshed',
  'adopted',
  'signedIn',
  'signedOut',
  'sessionEnded',
  'refreshTokenExpiring',
  'refreshFailed',
  'sessionStuck',
  'scopeNarrowed',
  'storeFailed',
  'stored',
  'idTokenRejected',
  'recordRejected',
  'recordReplaced',
  'stepUpRequired',
  'lateTokensDiscarded',
  'listenerFailed',
] as const;

export async function setup({ server: serverOptions, manager: options, signedIn = true }: SetupOptions = {}) {
  withoutChance();
  const clock = testClock();
  const server = authorizationServer({ clock, ...serverOptions });
  const storage = watchedStorage();
  const posts: string[] = [];
  const transport = postsNoted(server, posts);
  const open = (more: Partial<TokenManagerOptions> = {}) =>
    new TokenManager({
      clientId: 'test-client',
      authorizationServer: server.metadata,
      protectedResources: ['https://api.test/'],
      storage,
      clock,
      fetch: transport,
      ...options,
      ...more,
    });
  const manager = open();
  const events = listen(manager);
  const tokens = server.signIn();
  if (signedIn) await manager.setTokens(tokens);
  events.length = 0;
  storage.log.length = 0;
  return {
    clock,
    server,
    storage,
    manager,
    events,
    tokens,
    open,
    /** Refresh tokens in the order in which they were sent. */
    posts,
    transport,
    types: () => events.map(({ type }) => type),
    call: async (who = manager) => (await who.fetch(api)).status,
    /** The clock goes past the end of the access token, and nothing else happens. */
    expire: () => clock.set(clock.now() + 300_000),
    record: async () => (await storage.inner.read(key))?.record as StoredRecord | undefined,
  };
}

export interface StoredRecord {
  readonly refreshToken: string;
  readonly accessTokens: Record<string, { token: string; issuedAt: number; expiresAt: number }>;
  readonly pendingRefresh?: { sends: number; since: number; latest: number; by: string };
  readonly failure?: { until: number };
}

export function listen(manager: TokenManager): Event[] {
  const events: Event[] = [];
  for (const type of eventTypes) manager.on(type, (event) => void events.push({ ...event }));
  return events;
}

function postsNoted(server: TestAuthorizationServer, posts: string[]): typeof fetch {
  return async (input, init) => {
    if (input === server.metadata.tokenEndpoint) {
      posts.push(new URLSearchParams(String(init?.body)).get('refresh_token') ?? '');
    }
    return await server.fetch(input, init);
  };
}

type Operation = 'read' | 'write' | 'delete';

/** A storage that notes what is done with it, and fails or waits when it is told to. */
export interface WatchedStorage extends TokenStorage {
  readonly inner: TokenStorage;
  readonly log: string[];
  /** What to do before each operation; what it rejects with, the operation rejects with. */
  before: (operation: Operation, key: string) => Promise<void> | void;
}

export function watchedStorage(inner: TokenStorage = memoryStorage()): WatchedStorage {
  const storage: WatchedStorage = {
    reach: inner.reach,
    ...(inner.lock && { lock: inner.lock }),
    inner,
    log: [],
    before: () => undefined,
    async read(name) {
      storage.log.push('read');
      await storage.before('read', name);
      return await inner.read(name);
    },
    async write(name, record, ifVersion) {
      storage.log.push('write');
      await storage.before('write', name);
      return await inner.write(name, record, ifVersion);
    },
    async delete(name, ifVersion) {
      storage.log.push('delete');
      await storage.before('delete', name);
      await inner.delete(name, ifVersion);
    },
  };
  return storage;
}

export const diskFull = () => new StorageError('The disk is full.', { operation: 'write' });

/** Fails the chosen ones of the writes to come, counted from 0. */
export function failWrites(storage: WatchedStorage, choose: (index: number) => boolean): () => void {
  let index = 0;
  storage.before = (operation) => {
    if (operation === 'write' && choose(index++)) throw diskFull();
  };
  return () => {
    storage.before = () => undefined;
  };
}

/** A promise, and how to settle it. */
export function deferred<T = void>() {
  return Promise.withResolvers<T>();
}

export const failure = (promise: Promise<unknown>) =>
  promise.then(
    (value) => {
      throw new Error(`It resolved to ${String(value)}.`);
    },
    (error: unknown) => error,
  );

/** `true` once the promise has settled. */
export function settlement(promise: Promise<unknown>): { readonly done: boolean } {
  const state = { done: false };
  const done = () => {
    state.done = true;
  };
  promise.then(done, done);
  return state;
}

export const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
