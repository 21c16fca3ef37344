/** Managers, sessions and a strict server under a schedule, and what everyone saw. */
import { inspect } from 'node:util';
import type fc from 'fast-check';
import type { AnyTokenKeepError, LoginRequiredError } from 'tokenkeep';
import { memoryStorage, TokenManager, type TokenStorage } from 'tokenkeep';
import { authorizationServer, faults } from 'tokenkeep/testing';
import { sessionEventTypes } from '../../support/events.ts';
import {
  insideLock,
  type StorageTrouble,
  scheduledClock,
  scheduledLock,
  scheduledStorage,
  turn,
} from './scheduled.ts';

/** The fate of one refresh. */
export type RefreshTrouble =
  | 'unavailable'
  | 'unsent'
  | 'lostRequest'
  | 'lostResponse'
  | 'rateLimited'
  | 'redirected';

/** A refresh as the client saw it. */
export interface Send {
  readonly refreshToken: string;
  readonly startedAt: number;
  endedAt: number | undefined;
  seen: 'granted' | 'dead' | 'refused' | 'unsent' | 'lost' | undefined;
}

/** A token that the server has not issued. */
export const forged = 'forged-by-another-server';

export type Outcome = { readonly status: number } | { readonly token: string } | { readonly error: unknown };

export interface Ending {
  readonly manager: number;
  readonly session: string;
  readonly error: LoginRequiredError;
}

export interface WorldOptions {
  readonly managers: number;
  readonly sessions: number;
  /** Listeners call the manager back. */
  readonly busyListeners?: boolean;
  /** How many turns of the schedule an answer of the API takes: with more of them, more happens meanwhile. @default 1 */
  readonly apiTurns?: number;
  /** How the access tokens are when the story begins. @default 'fresh' */
  readonly start?: 'fresh' | 'rejected' | 'expired';
}

export type World = ReturnType<typeof openWorld>;

export function openWorld(s: fc.Scheduler, options: WorldOptions) {
  const clock = scheduledClock();
  const server = authorizationServer({ clock });
  const inner = memoryStorage();
  const { lock } = inner;
  if (lock === undefined) throw new Error('memoryStorage() has a lock.');
  const refreshTroubles: RefreshTrouble[] = [];
  const storageTroubles: StorageTrouble[] = [];
  const sends: Send[] = [];
  const rejected = new Set<string>();
  const withoutEvidence: string[] = [];
  const told: { manager: number; type: string; session: string }[] = [];
  const endings: Ending[] = [];
  const toldInsideLock: string[] = [];
  const words: string[] = [];
  /** The refresh token that is stored of each session. */
  const spendable = new Map<string, string>();
  const sessionOf = (key: string) => key.slice(key.indexOf('/') + 1);
  const everStored = new Set<string>();
  const usedBeforeStored: string[] = [];
  let events = 0;
  let latestNow = clock.now();
  let replays = 0;
  let live = false;

  const point = (label: string) => (live ? s.schedule(Promise.resolve(), label) : Promise.resolve());

  /** A refresh token is spent only if the stored access token has expired, or was rejected. */
  async function checkEvidence(refreshToken: string, scope: string | null): Promise<void> {
    const stored = (await Promise.all(sessionIds.map((id) => inner.read(`test-client/${id}`)))).map(
      (one) => one?.record as StoredRecord | undefined,
    );
    const record = stored.find((one) => one?.refreshToken === refreshToken);
    // The server judges the use of a token that is not stored.
    if (record === undefined) return;
    const isWhole = scope === null || scope === 'read write';
    const [, accessToken] =
      Object.entries(record.accessTokens).find(([variant]) => (variant === '') === isWhole) ?? [];
    if (accessToken === undefined || rejected.has(accessToken.token)) return;
    const life = accessToken.expiresAt - accessToken.issuedAt;
    if (latestNow >= accessToken.expiresAt - Math.min(30_000, life / 4)) return;
    withoutEvidence.push(refreshToken);
  }

  async function refresh(url: string, init: RequestInit): Promise<Response> {
    const parameters = new URLSearchParams(String(init.body));
    const refreshToken = parameters.get('refresh_token') ?? '';
    const send: Send = { refreshToken, startedAt: ++events, endedAt: undefined, seen: undefined };
    sends.push(send);
    const see = (seen: Send['seen']) => {
      send.seen ??= seen;
      send.endedAt ??= ++events;
    };
    // The deadline: also of an answer that has arrived and was not read yet.
    init.signal?.addEventListener('abort', () => {
      send.seen = 'lost';
      send.endedAt = ++events;
    });
    await checkEvidence(refreshToken, parameters.get('scope'));
    await point('token request');
    const trouble = refreshTroubles.shift();
    try {
      if (trouble === 'unsent')
        throw new TypeError('fetch failed', {
          cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
        });
      if (trouble === 'unavailable') server.fail(faults.serverError);
      if (trouble === 'rateLimited') server.fail(faults.rateLimited(20));
      if (trouble === 'lostRequest' || trouble === 'lostResponse') server.fail(faults[trouble]);
      if (trouble === 'redirected') {
        await point('token answer');
        see('lost');
        return foreignAnswer();
      }
      const response = await server.fetch(url, init);
      await point('token answer');
      const dead =
        response.status === 400 &&
        ((await response.clone().json()) as { error?: string }).error === 'invalid_grant';
      see(response.ok ? 'granted' : dead ? 'dead' : 'refused');
      return response;
    } catch (error) {
      see(trouble === 'unsent' ? 'unsent' : 'lost');
      throw error;
    }
  }

  async function transport(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    if (input === server.metadata.tokenEndpoint) return refresh(input, init ?? {});
    const request = new Request(input, init);
    const label = new URL(request.url).pathname;
    const authorization = request.headers.get('authorization');
    if (authorization !== null && !everStored.has(authorization.slice(7))) usedBeforeStored.push(label);
    await point(`request ${label}`);
    const response = await server.fetch(request);
    for (let turns = options.apiTurns ?? 1; turns > 0; turns--) await point(`answer ${label}`);
    if (response.status === 401 && authorization !== null) rejected.add(authorization.slice(7));
    return response;
  }

  const sessionIds = Array.from({ length: options.sessions }, (_, index) => `user${index}`);
  const managers = Array.from({ length: options.managers }, (_, index) => {
    const root = new TokenManager({
      clientId: 'test-client',
      authorizationServer: server.metadata,
      protectedResources: ['https://api.test/'],
      storage: {
        ...inner,
        read: (key) => (live ? storage : inner).read(key),
        write: (key, record, ifVersion) => (live ? storage : noted).write(key, record, ifVersion),
        delete: (key, ifVersion) => (live ? storage : noted).delete(key, ifVersion),
      },
      lock: scheduledLock(lock, s),
      clock: { ...clock, now: tick },
      fetch: transport,
    });
    root.on('sessionEnded', ({ session, error }) => void endings.push({ manager: index, session, error }));
    root.on('*', (event) => void words.push(inspect(event, { depth: 10 })));
    root.on('*', (event) => {
      if (!sessionEventTypes.includes(event.type)) return undefined;
      const { type } = event;
      told.push({ manager: index, type, session: event.session });
      if (insideLock.getStore() === true) toldInsideLock.push(type);
      if (options.busyListeners) return root.forSession(event.session).getAccessToken();
      return undefined;
    });
    return { root, sessions: sessionIds.map((id) => root.forSession(id)) };
  });
  const noted: TokenStorage = {
    ...inner,
    async write(key, record, ifVersion) {
      const version = await inner.write(key, record, ifVersion);
      const { accessTokens, refreshToken } = record as StoredRecord;
      for (const { token } of Object.values(accessTokens)) everStored.add(token);
      spendable.set(sessionOf(key), refreshToken);
      return version;
    },
    async delete(key, ifVersion) {
      await inner.delete(key, ifVersion);
      spendable.delete(sessionOf(key));
    },
  };
  const storage = scheduledStorage(noted, s, storageTroubles);

  function tick(): number {
    latestNow = Math.max(latestNow, clock.now());
    return clock.now();
  }

  /** Families of a session, by its logins. */
  const families = new Map<string, string>();
  /** The user they belong to. */
  const users = new Map<string, string>();

  /** Signs in again as a user of the session, and synchronously returns the new family. */
  function login(
    manager: number,
    session: number,
    subject?: string,
  ): { family: string; done: Promise<void> } {
    const id = sessionIds[session % sessionIds.length] ?? '';
    const tokens = server.signIn({ subject: subject ?? id });
    const family = familyOf(tokens.access_token);
    families.set(family, id);
    users.set(family, subject ?? id);
    return { family, done: of(manager, session).setTokens(tokens, { subject }) };
  }

  function of(manager: number, session: number): TokenManager {
    const found = managers[manager % managers.length]?.sessions[session % sessionIds.length];
    if (found === undefined) throw new Error('There is no such manager.');
    return found;
  }

  function familyOf(token: string): string {
    const id = server.idOf(token);
    const issuing = server.log.find(({ issued }) => issued?.includes(id ?? '') === true);
    return issuing?.family ?? 'none';
  }

  /** Runs actors under the schedule until all have settled. Time goes by only where nothing else can happen. */
  async function run(actors: readonly (() => Promise<unknown>)[]): Promise<void> {
    live = true;
    let over = false;
    const all = Promise.all(
      actors.map(async (actor, index) => {
        await s.schedule(Promise.resolve(), `actor ${index}`);
        await actor();
      }),
    ).finally(() => {
      over = true;
    });
    const time = (async () => {
      for (let idle = 0, steps = 0; !over; ) {
        await turn();
        idle = s.count() === 0 ? idle + 1 : 0;
        // Streams take a few turns of the platform's own. Without a timer there is nothing but them to wait
        // for: an endless wait runs into the time limit of the test.
        if (idle < 50 || !clock.next()) continue;
        steps += 1;
        if (steps > 200) throw new Error('Timers follow timers, and somebody still waits.');
      }
    })();
    await s.waitFor(Promise.race([all, time.then(() => all)]));
    // Work that continues although no one waits for it: refreshes that all callers have left, responses after a
    // deadline.
    for (await turn(); s.count() > 0; await turn()) await s.waitOne();
    live = false;
  }

  /** Everything that is still to be stored is stored. */
  async function drain(): Promise<void> {
    for (let rounds = 0; rounds < 20; rounds++) {
      clock.next();
      await turn();
    }
  }

  return {
    clock,
    server,
    inner,
    managers,
    sessionIds,
    sends,
    rejected,
    told,
    endings,
    toldInsideLock,
    words,
    spendable,
    everStored,
    usedBeforeStored,
    withoutEvidence,
    refreshTroubles,
    storageTroubles,
    families,
    users,
    familyOf,
    login,
    of,
    run,
    drain,
    path: () => `/call${++replays}`,
    stored: async (session: number) =>
      (await inner.read(`test-client/${sessionIds[session]}`))?.record as StoredRecord | undefined,
  };
}

/** A response of another server after a redirect. It looks like a success. */
function foreignAnswer(): Response {
  const tokens = { access_token: forged, refresh_token: forged, token_type: 'Bearer', expires_in: 300 };
  const response = Response.json(tokens);
  Object.defineProperties(response, {
    redirected: { value: true },
    url: { value: 'https://elsewhere.test/token' },
  });
  return response;
}

export interface StoredRecord {
  readonly refreshToken: string;
  readonly accessTokens: Record<string, { token: string; issuedAt: number; expiresAt: number }>;
}

export function codeOf(error: unknown): AnyTokenKeepError['code'] | string {
  return (error as AnyTokenKeepError).code ?? String(error);
}
