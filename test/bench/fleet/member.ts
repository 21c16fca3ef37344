/** One process of a fleet: does what its parent says, and says what it needed. */
import { TokenManager, type TokenResponse, type TokenStorage } from 'tokenkeep';
import { nanoseconds } from '../per-call.ts';
import { open, type Place } from './places.ts';

export interface Server {
  readonly tokenEndpoint: string;
  readonly apiUrl: string;
}

let manager: TokenManager;
let operations = 0;
let server: Server;
const clientId = 'test-client';

const actions = {
  async open(place: Place, at: Server): Promise<void> {
    server = at;
    manager = new TokenManager({
      clientId,
      authorizationServer: { tokenEndpoint: at.tokenEndpoint },
      protectedResources: [at.apiUrl],
      storage: counting(await open(place)),
    });
  },

  signIn: (session: string, tokens: TokenResponse): Promise<void> =>
    manager.forSession(session).setTokens(tokens),

  /** The status of a call to the API. */
  async call(session: string): Promise<number> {
    const response = await manager.forSession(session).fetch(`${server.apiUrl}/orders`);
    await response.arrayBuffer();
    return response.status;
  },

  /** The floor of a call that needs a refresh: two calls of the bare `fetch`, while another process refreshes. */
  async twoCalls(): Promise<void> {
    for (let call = 0; call < 2; call++) await (await fetch(`${server.apiUrl}/orders`)).arrayBuffer();
  },

  /** Time that so many token requests take one after the other, in ms each, and the newest refresh token. */
  async bare(refreshToken: string, times: number): Promise<{ each: number; refreshToken: string }> {
    const start = performance.now();
    let newest = refreshToken;
    for (let time = 0; time < times; time++) newest = await post(newest);
    return { each: (performance.now() - start) / times, refreshToken: newest };
  },

  /** Refreshes all of these sessions, so many at a time. */
  refresh: (sessions: readonly string[], atATime: number): Promise<void> =>
    inTurns(sessions, atATime, async (session) => {
      const one = manager.forSession(session);
      await one.getAccessToken({ rejectedToken: await one.getAccessToken() });
    }),

  /** The same, for a client that keeps everything in memory and is alone. */
  async bareRefresh(refreshTokens: readonly string[], atATime: number): Promise<string[]> {
    const successors: string[] = [];
    await inTurns(refreshTokens, atATime, async (token) => void successors.push(await post(token)));
    return successors;
  },

  /** The cost of a fresh token: ns, and operations of the storage. */
  async fresh(session: string): Promise<{ ns: number; operations: number }> {
    const one = manager.forSession(session);
    await nanoseconds(() => one.getAccessToken(), 20_000);
    operations = 0;
    const rounds: number[] = [];
    for (let round = 0; round < 50; round++)
      rounds.push(await nanoseconds(() => one.getAccessToken(), 2_000));
    return { ns: Math.min(...rounds), operations };
  },
};

export type Actions = typeof actions;

async function post(refreshToken: string): Promise<string> {
  const body = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: clientId,
    refresh_token: refreshToken,
  });
  const answer = await fetch(server.tokenEndpoint, { method: 'POST', body });
  const { refresh_token: successor } = (await answer.json()) as TokenResponse;
  if (!answer.ok || !successor) throw new Error(`The token request was answered ${answer.status}.`);
  return successor;
}

async function inTurns<T>(items: readonly T[], atATime: number, task: (item: T) => Promise<void>) {
  const left = [...items];
  const worker = async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await task(item);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
}

function counting(storage: TokenStorage): TokenStorage {
  const { reach, lock, watch } = storage;
  return {
    reach,
    ...(lock && { lock }),
    ...(watch && { watch: watch.bind(storage) }),
    read: counted(storage.read.bind(storage)),
    write: counted(storage.write.bind(storage)),
    delete: counted(storage.delete.bind(storage)),
  };
}

function counted<Given extends unknown[], Result>(operation: (...given: Given) => Result) {
  return (...given: Given): Result => {
    operations += 1;
    return operation(...given);
  };
}

process.on('message', async ({ id, action, parameters }: Order) => {
  const run = actions[action] as (...parameters: unknown[]) => unknown;
  try {
    process.send?.({ id, value: await run(...parameters) });
  } catch (error) {
    process.send?.({ id, error: String(error) });
  }
});

export interface Order {
  readonly id: number;
  readonly action: keyof Actions;
  readonly parameters: readonly unknown[];
}

export interface Report {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}
