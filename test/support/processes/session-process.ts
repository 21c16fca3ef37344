/**
 * A process that has a session in a file. It executes its parent's commands, and reports every await of a refresh,
 * before and after it. It can stand still at one of them, so that the parent can kill or stop it there.
 */
import type { TokenLock, TokenStorage, Transport } from '../../../src/core/contracts.ts';
import { isTokenKeepError, none, TokenManager } from '../../../src/index.ts';
import { type TestClock, testClock } from '../../../src/testing/server/test-clock.ts';
import { sessionEventTypes } from '../events.ts';
import { openPlace } from './places.ts';
import type { Answer, OpenOptions, Order } from './session-orders.ts';

let manager: TokenManager;
let api: string;
let clock: TestClock | undefined;
/** How far the clock is ahead of the machine's, in ms. */
let ahead = 0;
let events: string[] = [];
let points: string[] = [];
let standAt: string | undefined;
let goOn: () => void = () => {};
/** Pending requests for the lock: an aborted waiter leaves the queue a moment later. */
const requests = new Set<Promise<unknown>>();

/** Reports that this point of the critical section is reached, and stands still there if that was requested. */
async function point(name: string): Promise<void> {
  const count = points.filter((one) => one.startsWith(name)).length;
  const label = count === 0 ? name : `${name} ${count + 1}`;
  points.push(label);
  process.send?.({ point: label });
  if (label !== standAt) return;
  await new Promise<void>((resolve) => {
    goOn = resolve;
  });
}

async function around<T>(name: string, work: () => Promise<T>): Promise<T> {
  await point(`before ${name}`);
  const result = await work();
  await point(`after ${name}`);
  return result;
}

function pausing(storage: TokenStorage): TokenStorage {
  return {
    reach: storage.reach,
    read: (key) => around('read', () => storage.read(key)),
    write: (key, record, version) => around('write', () => storage.write(key, record, version)),
    delete: (key, version) => around('delete', () => storage.delete(key, version)),
  };
}

/** Properties of a lock. Its lease is left out: some are shorter here than a manager takes. */
const about = ({ reach, mayBeLost = false }: TokenLock) => ({ reach, mayBeLost });

function counting(lock: TokenLock): TokenLock {
  return {
    ...about(lock),
    request(name, options, callback) {
      const request = lock.request(name, options, callback);
      requests.add(request);
      const over = () => requests.delete(request);
      request.then(over, over);
      return request;
    },
  };
}

function pausingLock(lock: TokenLock): TokenLock {
  return {
    ...about(lock),
    request: (name, options, callback) =>
      around('lock', () => {
        const request = lock.request(name, options, async () => {
          await point('locked');
          try {
            return await callback();
          } finally {
            await point('unlocking');
          }
        });
        process.send?.({ point: 'waiting' });
        return request;
      }),
  };
}

const transport: Transport = async (input, init) => {
  if (init?.method !== 'POST') return await fetch(input, init);
  const response = await around('POST', () => fetch(input, init));
  const bytes = await response.arrayBuffer();
  const body = new ReadableStream({
    async pull(controller) {
      await point('body');
      controller.enqueue(new Uint8Array(bytes));
      controller.close();
    },
  });
  return new Response(body, response);
};

async function open(options: OpenOptions): Promise<void> {
  const { server, apiUrl, offset = 0, stopsClock = false, plain = false, listens = true } = options;
  api = `${apiUrl}/orders`;
  standAt = undefined;
  clock = stopsClock ? testClock(Date.now()) : undefined;
  ahead = offset;
  const storage = await openPlace(options);
  const { lock } = storage;
  if (lock === undefined) throw new Error('This storage brings no lock.');
  manager = new TokenManager({
    clientId: 'test-client',
    authorizationServer: () => (plain ? Promise.resolve(server) : around('server', async () => server)),
    clientAuthentication: {
      ...none(),
      authenticate: (...parameters) =>
        around('authentication', async () => await none().authenticate(...parameters)),
    },
    protectedResources: [apiUrl],
    storage: plain ? storage : pausing(storage),
    lock: plain ? counting(lock) : pausingLock(counting(lock)),
    clock: clock ?? { now: () => Date.now() + ahead },
    fetch: plain ? fetch : transport,
  });
  events = [];
  if (!listens) return;
  manager.on('*', ({ type }) => {
    if (!sessionEventTypes.includes(type)) return;
    events.push(type);
    process.send?.({ point: type });
  });
}

const actions = {
  open,
  async call({ standsAt }: { standsAt?: string }) {
    points = [];
    standAt = standsAt;
    return (await manager.fetch(api)).status;
  },
  goOn: () => goOn(),
  idle: async () => void (await Promise.allSettled(requests)),
  points: () => points,
  events: () => events,
  async advance({ ms }: { ms: number }) {
    ahead += ms;
    await clock?.advance(ms);
  },
  setTokens: ({ tokens }: { tokens: never }) => manager.setTokens(tokens),
  refreshToken: async () => (await manager.getTokens())?.refreshToken,
  signOut: () => manager.signOut(),
} as const;

process.on('message', async ({ id, action, options }: Order) => {
  const answer: Answer = { id };
  try {
    answer.value = await actions[action as keyof typeof actions](options as never);
  } catch (error) {
    answer.error = isTokenKeepError(error)
      ? { code: error.code, reason: 'reason' in error ? error.reason : undefined, message: error.message }
      : { code: 'other', message: String(error) };
  }
  process.send?.(answer);
});
