import { discover, memoryStorage, TokenManager, type TokenResponse, type TokenStorage } from 'tokenkeep';
import { announced, indexedDbStorage, webLock, webStorage } from 'tokenkeep/browser';
import { kitFailures } from './kits.ts';
import { Point, type PointName, pausing } from './pausing.ts';

export type StorageName = 'localStorage' | 'sessionStorage' | 'indexedDb' | 'encrypted' | 'announced';

/** What a manager of a test is made of. */
export interface Setup {
  readonly storage: StorageName;
  readonly session: string;
  readonly clientId?: string;
  /** The issuer: its metadata is fetched when it is first needed. */
  readonly issuer: string;
  readonly api: string;
  readonly reuseWindow?: number;
  readonly timeout?: number;
  readonly lease?: number;
}

interface Opened {
  readonly manager: TokenManager;
  readonly told: string[];
  readonly api: string;
  readonly point: Point;
}

let opened: Opened | undefined;

function current(): Opened {
  if (opened === undefined) throw new Error('No manager is open in this page.');
  return opened;
}

const storages: Record<StorageName, () => TokenStorage> = {
  localStorage: () => webStorage(() => localStorage),
  sessionStorage: () => webStorage(() => sessionStorage),
  indexedDb: () => indexedDbStorage(),
  encrypted: () => indexedDbStorage({ name: 'encrypted', encrypt: true }),
  announced: () => announced(memoryStorage()),
};

const eventTypes = [
  'refreshed',
  'adopted',
  'signedIn',
  'signedOut',
  'sessionEnded',
  'refreshFailed',
  'persistFailed',
  'persisted',
  'recordRejected',
  'lateTokensDiscarded',
] as const;

export const commands = {
  /** Opens the manager of this page. */
  open(setup: Setup): void {
    const { clientId = 'test-client', issuer, api, session, lease, timeout, reuseWindow } = setup;
    const discovered = discover(issuer);
    const point = new Point();
    const manager = new TokenManager({
      clientId,
      authorizationServer: async () => ({
        ...(await discovered()),
        ...(reuseWindow !== undefined && { profile: { reuseWindow } }),
      }),
      protectedResources: [api],
      session,
      storage: pausing(storages[setup.storage](), point),
      timeout,
      ...(lease !== undefined && { lock: webLock({ lease }) }),
    });
    const told: string[] = [];
    for (const type of eventTypes) {
      manager.on(type, (event) => {
        const detail = 'where' in event ? event.where : 'reason' in event ? event.reason : undefined;
        told.push(detail === undefined ? type : `${type}: ${detail}`);
      });
    }
    opened = { manager, told, api, point };
  },

  signIn: (tokens: TokenResponse): Promise<void> => current().manager.setTokens(tokens),
  signOut: (): Promise<{ revoked: boolean }> => current().manager.signOut(),
  accessToken: (): Promise<string> => current().manager.getAccessToken(),
  tokens: async (): Promise<{ accessToken: string; refreshToken?: string | undefined } | null> =>
    (await current().manager.getTokens()) ?? null,
  told: (): string[] => current().told,

  /** Resolves when an event has been told, also before. */
  async hears(event: string): Promise<void> {
    const { told, manager } = current();
    while (!told.includes(event)) {
      await new Promise<void>((resolve) => {
        for (const type of eventTypes) manager.on(type, () => resolve());
      });
    }
  },

  /** Calls the API so often at once. Resolves with the different statuses and tokens. */
  async callApi(times = 1): Promise<string[]> {
    const { manager, api } = current();
    const one = async (): Promise<string> => {
      const response = await manager.fetch(`${api}/orders`);
      if (!response.ok) return String(response.status);
      return `${response.status} ${((await response.json()) as { token: string }).token}`;
    };
    return [...new Set(await Promise.all(Array.from({ length: times }, one)))];
  },

  /** The manager will stop at this point, once. */
  stopAt: (name: PointName): void => current().point.set(name),
  /** Resolves when it has. */
  reached: (): Promise<void> => current().point.reached,
  goOn: (): void => current().point.goOn(),

  /** Adds one to a number under the lock, so often. Resolves with the numbers that were read. */
  async count(storage: StorageName, key: string, times: number): Promise<number[]> {
    const { lock = webLock(), read, write } = storages[storage]();
    const seen: number[] = [];
    for (let time = 0; time < times; time++) {
      await lock.request(key, {}, async () => {
        const stored = await read(key);
        const { number } = (stored?.record ?? { number: 0 }) as { number: number };
        seen.push(number);
        await write(key, { number: number + 1 }, stored?.version);
      });
    }
    return seen;
  },

  kit: kitFailures,

  /** Keeps the processor busy, so that the process can be found. */
  burn(ms: number): void {
    for (const start = performance.now(); performance.now() - start < ms; );
  },

  /** Runs a function in the page. For what only one test needs. */
  async run(code: string): Promise<unknown> {
    const module = new Blob([`export const result = await (${code})();`], { type: 'text/javascript' });
    return ((await import(URL.createObjectURL(module))) as { result: unknown }).result;
  },
};
