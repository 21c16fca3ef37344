import {
  discover,
  isTokenKeepError,
  memoryStorage,
  type TokenLock,
  TokenManager,
  type TokenResponse,
  type TokenSet,
  type TokenStorage,
} from 'tokenkeep';
import {
  indexedDbKeys,
  indexedDbStorage,
  tokenHandler,
  webLock,
  webStorage,
  whereAllowed,
} from 'tokenkeep/browser';
import { dpop } from 'tokenkeep/dpop';
import { sessionEventTypes } from '../../../support/events.ts';
import { connected } from './connected.ts';
import { idleCommands } from './idle.ts';
import { kitFailures } from './kits.ts';
import { Point, type PointName, pausing } from './pausing.ts';

export type StorageName = 'localStorage' | 'sessionStorage' | 'indexedDb' | 'encrypted' | 'whereAllowed';

/** The configuration of a manager of a test. */
export interface Setup {
  readonly storage: StorageName;
  readonly session: string;
  readonly clientId?: string;
  /** The issuer: its metadata is fetched when it is first needed. */
  readonly issuer: string;
  /** URL of a token handler, in place of the issuer. */
  readonly handler?: string;
  readonly api: string;
  readonly reuseWindow?: number;
  readonly timeout?: number;
  readonly lease?: number;
  /** With it sessions are bound to a key that lies in IndexedDB. */
  readonly bound?: boolean;
}

interface Opened {
  readonly manager: TokenManager;
  readonly told: string[];
  readonly api: string;
  readonly point: Point;
}

let opened: Opened | undefined;
const possession = dpop({ keys: indexedDbKeys() });

/** The manager that is open in this page. */
export function current(): Opened {
  if (opened === undefined) throw new Error('No manager is open in this page.');
  return opened;
}

const storages: Record<StorageName, () => TokenStorage> = {
  localStorage: () => webStorage(() => localStorage),
  sessionStorage: () => webStorage(() => sessionStorage),
  indexedDb: () => indexedDbStorage(),
  encrypted: () => indexedDbStorage({ name: 'encrypted', encrypt: true }),
  whereAllowed: () => whereAllowed(indexedDbStorage(), memoryStorage()),
};

const codeOf = (error: unknown): string => {
  if (!isTokenKeepError(error)) return String(error);
  if (error.code === 'ERR_REFRESH_FAILED') return `${error.code} sent: ${error.sent}`;
  return error.code === 'ERR_LOGIN_REQUIRED' ? `${error.code} ${error.reason}` : error.code;
};

async function onLineIs(state: boolean): Promise<void> {
  while (navigator.onLine !== state) {
    await new Promise((resolve) => addEventListener(state ? 'online' : 'offline', resolve, { once: true }));
  }
}

const comesBack = new Promise<boolean>((resolve) => {
  globalThis.addEventListener('pageshow', (event) => {
    if ((event as PageTransitionEvent).persisted) resolve(true);
  });
});

export const commands = {
  /** Opens the manager of this page. */
  open(setup: Setup): void {
    const { clientId = 'test-client', issuer, api, session, lease, timeout, reuseWindow } = setup;
    const discovered = discover(issuer);
    const { handler } = setup;
    const point = new Point();
    const manager = new TokenManager({
      clientId,
      authorizationServer: handler
        ? tokenHandler({ url: handler })
        : async () => ({
            ...(await discovered()),
            ...(reuseWindow !== undefined && { profile: { reuseWindow } }),
          }),
      protectedResources: [api],
      session,
      storage: pausing(storages[setup.storage](), point),
      timeout,
      ...(lease !== undefined && { lock: webLock({ lease }) }),
      ...(setup.bound && { dpop: possession }),
    });
    const told: string[] = [];
    manager.on('*', (event) => {
      if (!sessionEventTypes.includes(event.type)) return;
      const detail = 'where' in event ? event.where : 'reason' in event ? event.reason : undefined;
      told.push(detail === undefined ? event.type : `${event.type}: ${detail}`);
    });
    opened = { manager, told, api, point };
  },

  signIn: (tokens: TokenResponse | TokenSet): Promise<void> => current().manager.setTokens(tokens),

  /** Makes a key in this page, and names it. */
  async newKey(): Promise<string> {
    const key = await possession.generate();
    await possession.keep(key);
    return key.thumbprint;
  },

  /** The view of a script of this page on a key: its entry in the database, and the result of exporting it. */
  async takeKey(thumbprint: string): Promise<string> {
    const { privateKey } = (await indexedDbKeys().read(thumbprint)) ?? {};
    if (privateKey === undefined) return 'lost';
    return await crypto.subtle.exportKey('jwk', privateKey).then(JSON.stringify, () => 'not extractable');
  },

  loseKey: (thumbprint: string): Promise<void> => possession.forget(thumbprint),

  /** Sets the action that this page starts when the browser freezes it. It receives the result only after it wakes up. */
  whenFrozen(does: 'reads' | 'writes' | 'waits for the lock'): void {
    const { manager } = current();
    document.addEventListener('freeze', () => {
      if (does === 'reads') void manager.getTokens();
      else if (does === 'writes') void storages.indexedDb().write('of the frozen page', {}, undefined);
      else void commands.count('indexedDb', 'counter', 1);
    });
  },

  /** Counts timer callbacks for the driver. No timer fires in a frozen page. */
  startTicking(): void {
    const counter = globalThis as unknown as { ticks: number };
    counter.ticks = 0;
    setInterval(() => counter.ticks++, 10);
  },

  /** Resolves when some page waits for a lock. */
  async isQueued(): Promise<void> {
    while ((await navigator.locks.query()).pending?.length === 0)
      await new Promise((resolve) => setTimeout(resolve));
  },

  /** Deletes a database, which every open connection to it prevents. */
  deleteDatabase: (name: string): Promise<string> =>
    new Promise((resolve) => {
      const request = indexedDB.deleteDatabase(name);
      request.onblocked = () => resolve('blocked');
      request.onsuccess = () => resolve('deleted');
    }),

  signOut: (): Promise<{ revoked: boolean }> => current().manager.signOut(),
  /** Logs in at the token handler, which sets cookies, and hands its answer on. Resolves with the cookies that script can see. */
  async logInAtHandler(url: string): Promise<string> {
    const headers = { 'token-handler-version': '1' };
    const answer = await fetch(`${url}/login/end`, { method: 'POST', credentials: 'include', headers });
    await current().manager.setTokens(await answer.json());
    return document.cookie;
  },
  /** Calls the API. Resolves with the status, or with the code of the error. */
  tryApi: (): Promise<string> =>
    current()
      .manager.fetch(`${current().api}/orders`)
      .then(({ status }) => String(status), codeOf),
  /** An access token, or the code of the error. */
  accessToken: (): Promise<string> => current().manager.getAccessToken().catch(codeOf),
  tokens: async (): Promise<{ accessToken: string; refreshToken?: string | undefined } | null> =>
    (await current().manager.getTokens()) ?? null,
  told: (): string[] => current().told,

  /** Resolves when an event has been emitted, also before. */
  async hears(event: string): Promise<void> {
    const { told, manager } = current();
    while (!told.includes(event)) {
      await new Promise<void>((resolve) => {
        manager.on('*', () => resolve());
      });
    }
  },

  /** An access token other than this one: what a call with it would need after a 401. */
  rejectedToken: (token: string): Promise<string> =>
    current().manager.getAccessToken({ rejectedToken: token }),

  /** The same, from an application that retries on request. */
  async rejectedTokenInTime(token: string): Promise<string> {
    for (;;) {
      try {
        return await commands.rejectedToken(token);
      } catch (error) {
        if (!isTokenKeepError(error) || error.code !== 'ERR_REFRESH_FAILED') throw error;
        await new Promise((resolve) => setTimeout(resolve, error.retryAfter));
      }
    }
  },

  /**
   * Waits for the network to go, asks for tokens without it, and once more when it is back. The test receives all of
   * that at the end: meanwhile nothing gets through.
   */
  async offlineAndBack(token: string): Promise<{ without: string[]; back: string[] }> {
    const ask = async (): Promise<string[]> => {
      const asked = Array.from({ length: 5 }, () => commands.rejectedToken(token).catch(codeOf));
      return [...new Set(await Promise.all(asked))];
    };
    await onLineIs(false);
    const without = [...(await ask()), ...(await ask())];
    new BroadcastChannel('offline').postMessage('asked');
    await onLineIs(true);
    // The browser says so before it is.
    while (!(await fetch(location.href, { cache: 'no-store' }).catch(() => undefined)));
    return { without, back: await ask() };
  },

  /** Resolves when so many other pages have asked without a network. */
  async asked(pages: number): Promise<void> {
    const channel = new BroadcastChannel('offline');
    for (let page = 0; page < pages; page++) {
      await new Promise((resolve) => channel.addEventListener('message', resolve, { once: true }));
    }
  },

  /** Resolves when nothing is stored any more. */
  async isGone(): Promise<void> {
    while ((await current().manager.getTokens()) !== undefined)
      await new Promise((resolve) => setTimeout(resolve));
  },

  /** Goes to another page. Stops waiting for orders first: a page that waits for an answer is not kept by every browser. */
  leave(path: string): void {
    (globalThis as unknown as { hangUp(next: () => void): void }).hangUp(() => {
      location.href = path;
    });
  },

  /** Whether this page has come back from the back/forward cache, once it has. */
  wasKept: (): Promise<boolean> => comesBack,

  /** The errors of the storages and the lock where the browser refuses them. */
  async refusals(): Promise<Record<string, string>> {
    const lock = (): TokenLock => webLock();
    return {
      webStorage: await webStorage(() => localStorage)
        .read('key')
        .then(String, codeOf),
      indexedDbStorage: await indexedDbStorage().read('key').then(String, codeOf),
      webLock: await Promise.resolve()
        .then(() => lock().request('name', {}, async () => 'granted'))
        .catch(codeOf),
    };
  },

  /** The same, in words. */
  async refusalWords(): Promise<string[]> {
    const words = ({ message }: Error): string => message;
    return await Promise.all([
      webStorage(() => localStorage)
        .read('key')
        .then(String, words),
      indexedDbStorage().read('key').then(String, words),
      webLock()
        .request('name', {}, async () => 'granted')
        .catch(words),
    ]);
  },

  /** The storage that a worker of this page reports. */
  async refusalInWorker(): Promise<string> {
    const worker = new Worker('/displaced.js');
    return await new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(String(data));
    });
  },

  /** Fills `localStorage` to the last character. Its own items stay. */
  fill(): void {
    for (let size = 2 ** 22, count = 0; size >= 1; ) {
      try {
        localStorage.setItem(`filler ${count}`, 'x'.repeat(size));
        count++;
      } catch {
        size = Math.floor(size / 2);
      }
    }
  },
  free(): void {
    for (const name of Object.keys(localStorage))
      if (name.startsWith('filler')) localStorage.removeItem(name);
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

  /** A token request as it would be without any manager: the time that it takes, in ms, and the next refresh token. */
  async tokenRequest(
    endpoint: string,
    refreshToken: string,
  ): Promise<{ elapsed: number; refreshToken: string }> {
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'test-client',
      refresh_token: refreshToken,
    });
    const start = performance.now();
    const answer = await fetch(endpoint, { method: 'POST', body });
    const { refresh_token: successor } = (await answer.json()) as { refresh_token: string };
    return { elapsed: performance.now() - start, refreshToken: successor };
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

  /** Starts a worker that takes orders itself. */
  async start(kind: 'shared worker' | 'service worker', url: string): Promise<void> {
    if (kind === 'shared worker') new SharedWorker(url);
    else await navigator.serviceWorker.register(url);
  },
  async stop(): Promise<void> {
    for (const worker of await navigator.serviceWorker.getRegistrations()) await worker.unregister();
  },

  kit: kitFailures,
  ...connected,
  ...idleCommands(() => current().manager),

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
