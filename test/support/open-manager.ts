/** The one way to open a manager on a test server: the strict server, a clock that stands still, a storage, and managers of one client. */
import type { TokenEventType } from '../../src/core/events.ts';
import { TokenManager, type TokenManagerOptions } from '../../src/index.ts';
import {
  type AuthorizationServerOptions,
  authorizationServer,
  type TestAuthorizationServer,
  type TestClock,
  testClock,
} from '../../src/testing/index.ts';
import { eventsOf, type RecordedEvent } from './events.ts';
import { type WatchedStorage, watchedStorage } from './watched-storage.ts';
import { withoutChance } from './without-chance.ts';

export const api = 'https://api.test/orders';
/** The key of the default session of the client. */
export const key = 'test-client/default';

export interface OpenManagerOptions {
  readonly server?: AuthorizationServerOptions | undefined;
  /** Options of every manager. */
  readonly manager?: Partial<TokenManagerOptions> | undefined;
  /** `false`: the user has not signed in yet. @default true */
  readonly signedIn?: boolean | undefined;
  /** The clock and the chance of the platform, for storages and processes that have no other. @default false */
  readonly isRealTime?: boolean | undefined;
}

export interface OpenedManager extends AsyncDisposable {
  readonly clock: TestClock;
  readonly server: TestAuthorizationServer;
  /** The storage of the managers, if the options name no other one. It does not watch. */
  readonly storage: WatchedStorage;
  readonly manager: TokenManager;
  /** The events of `manager` since the user signed in. */
  readonly events: RecordedEvent[];
  /** Tokens of the login. */
  readonly tokens: ReturnType<TestAuthorizationServer['signIn']>;
  /** Refresh tokens in the order in which they were sent. */
  readonly posts: string[];
  /** The transport of the managers. */
  readonly transport: typeof fetch;
  /** Opens another manager of the same client on the same storage, as another page or a restart would. */
  open(options?: Partial<TokenManagerOptions>): TokenManager;
  types(): TokenEventType[];
  /** Resolves as soon as `manager` has emitted an event of this type. */
  until(type: TokenEventType): Promise<void>;
  /** Calls the API with `manager` and returns the status. */
  call(url?: string, init?: RequestInit): Promise<number>;
  /** Sets the clock past the end of the access token. Nothing else happens. */
  expire(): void;
  /** Returns the stored record of the session. */
  record(): Promise<StoredRecord | undefined>;
}

export interface StoredRecord {
  readonly refreshToken: string;
  readonly accessTokens: Record<string, { token: string; issuedAt: number; expiresAt: number }>;
  readonly pendingRefresh?: { sends: number; since: number; latest: number; by: string };
  readonly failure?: { until: number };
}

export async function openManager(options: OpenManagerOptions = {}): Promise<OpenedManager> {
  const { signedIn = true, isRealTime = false } = options;
  if (!isRealTime) withoutChance();
  const clock = testClock();
  const time = isRealTime ? {} : { clock };
  const server = authorizationServer({ ...time, ...options.server });
  const storage = watchedStorage();
  const posts: string[] = [];
  const transport = notingPosts(server, posts);
  const managers: TokenManager[] = [];
  const open = (more: Partial<TokenManagerOptions> = {}): TokenManager => {
    const manager = new TokenManager({
      ...optionsFor(server),
      ...time,
      storage,
      fetch: transport,
      ...options.manager,
      ...more,
    });
    managers.push(manager);
    return manager;
  };
  const manager = open();
  const events = eventsOf(manager);
  const tokens = server.signIn();
  if (signedIn) await manager.setTokens(tokens);
  events.length = 0;
  storage.log.length = 0;
  const types = () => events.map(({ type }) => type);
  return {
    clock,
    server,
    storage,
    manager,
    events,
    tokens,
    open,
    posts,
    transport,
    types,
    until: (type) =>
      types().includes(type)
        ? Promise.resolve()
        : new Promise((resolve) => {
            manager.on(type, () => resolve());
          }),
    call: (url, init) => callApi(manager, url, init),
    expire: () => clock.set(clock.now() + 300_000),
    record: async () => (await storage.inner.read(key))?.record as StoredRecord | undefined,
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(managers.map((one) => one.close()));
    },
  };
}

/** Returns the options that every client of a test server needs. */
export function optionsFor(server: TestAuthorizationServer) {
  return {
    clientId: 'test-client',
    authorizationServer: server.metadata,
    protectedResources: [server.apiOrigin],
    fetch: server.fetch,
  } satisfies TokenManagerOptions;
}

/** Calls the API and returns the status. */
export async function callApi(manager: TokenManager, url: string = api, init?: RequestInit): Promise<number> {
  return (await manager.fetch(url, init)).status;
}

function notingPosts(server: TestAuthorizationServer, posts: string[]): typeof fetch {
  return async (input, init) => {
    if (input === server.metadata.tokenEndpoint) {
      posts.push(new URLSearchParams(String(init?.body)).get('refresh_token') ?? '');
    }
    return await server.fetch(input, init);
  };
}
