/** A worker, of any kind, that keeps a token manager. Its URL contains the configuration. */
import { discover, memoryStorage, TokenManager, type TokenResponse, type TokenStorage } from 'tokenkeep';
import { indexedDbStorage } from 'tokenkeep/browser';
import { serveTokenManager } from 'tokenkeep/worker';

/** The parameters in the keeper's URL. */
export interface KeeperSetup {
  readonly issuer: string;
  readonly session: string;
  /** Origins. */
  readonly resources: readonly string[];
  readonly storage: 'memory' | 'indexedDb' | 'encrypted';
  readonly reuseWindow?: number;
  readonly allowAccessTokens?: boolean;
}

const setup = JSON.parse(new URL(location.href).searchParams.get('setup') ?? '') as KeeperSetup;
const storages: Record<KeeperSetup['storage'], () => TokenStorage> = {
  memory: () => memoryStorage(),
  indexedDb: () => indexedDbStorage(),
  encrypted: () => indexedDbStorage({ name: 'encrypted', encrypt: true }),
};
const discovered = discover(setup.issuer);

/** Streams are sent over HTTP/2 only, which the servers of the tests do not speak: here they are read, as a server would. */
async function transport(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  if (!(init?.body instanceof ReadableStream)) return await fetch(input, init);
  const reader = init.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const pieces: number[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value.length);
  }
  const isAuthorized = new Headers(init.headers).has('authorization');
  return Response.json({
    length: pieces.reduce((sum, size) => sum + size, 0),
    pieces: pieces.length,
    isAuthorized,
  });
}

const manager = new TokenManager({
  clientId: 'test-client',
  authorizationServer: async () => ({
    ...(await discovered()),
    ...(setup.reuseWindow !== undefined && { profile: { reuseWindow: setup.reuseWindow } }),
  }),
  protectedResources: setup.resources,
  session: setup.session,
  storage: storages[setup.storage](),
  fetch: transport,
});

serveTokenManager({
  manager,
  protectedResources: setup.resources,
  login: async (path) => (await (await fetch(String(path))).json()) as TokenResponse,
  allowAccessTokens: setup.allowAccessTokens === true,
});

// So that the page that has registered a service worker is its own at once.
type Activation = Event & { waitUntil(work: Promise<unknown>): void };
const { clients } = globalThis as { clients?: { claim(): Promise<void> } };
globalThis.addEventListener('activate', (event) =>
  (event as Activation).waitUntil(clients?.claim() as never),
);
