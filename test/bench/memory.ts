import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { TokenManager } from 'tokenkeep';
import type { Row } from './row.ts';

const sessions = 10_000;
const managers = 1_000;

/** The memory of a backend for users who are signed in, have made one call, and are idle. */
export async function memory(): Promise<Row[]> {
  // Before anything is measured, so that the code of a call is not part of the first figure.
  for (let user = 0; user < 100; user++) await call(newRoot().forSession(`user-${user}`));
  const floor = await measured(sessions, async () => {
    const kept = new Map<string, object>();
    for (let user = 0; user < sessions; user++) kept.set(`user-${user}`, { ...newTokens() });
    return kept;
  });
  const timersBefore = timers();
  const held = await measured(sessions, async () => {
    const root = newRoot();
    const kept: TokenManager[] = [];
    for (let user = 0; user < sessions; user++) kept.push(await call(root.forSession(`user-${user}`)));
    return kept;
  });
  const timersAfter = timers() - timersBefore;
  const dropped = await measured(sessions, async () => {
    const root = newRoot();
    for (let user = 0; user < sessions; user++) await call(root.forSession(`user-${user}`));
    return root;
  });
  const root = newRoot();
  const unused = await measured(sessions, async () =>
    Array.from({ length: sessions }, (_, user) => root.forSession(`user-${user}`)),
  );
  const roots = await measured(managers, async () => Array.from({ length: managers }, newRoot));
  const text = ({ bytes }: Measured) => `${bytes.toFixed(0)} B`;
  const creation = ({ ms, count }: Measured) => `${((ms * 1_000) / count).toFixed(1)} µs each`;
  const above = held.bytes - floor.bytes;
  return [
    {
      what: 'a session whose manager is kept, after one call',
      floor: text(floor),
      handWritten: '',
      ours: text(held),
      noise: `${above.toFixed(0)} B above the floor`,
      aim: 'floor + 800 B',
      met: above <= 800,
    },
    {
      what: 'timers alive',
      floor: '0',
      handWritten: '',
      ours: `${timersAfter}`,
      aim: '0',
      met: timersAfter === 0,
    },
    {
      what: 'a session whose manager is not kept',
      floor: text(floor),
      handWritten: '',
      ours: text(dropped),
    },
    {
      what: 'forSession(), not used yet',
      floor: '',
      handWritten: '',
      ours: text(unused),
      noise: creation(unused),
    },
    {
      what: 'new TokenManager(), with the default storage',
      floor: '',
      handWritten: '',
      ours: text(roots),
      noise: creation(roots),
      aim: '≤ 4 000 B',
      met: roots.bytes <= 4_000,
    },
  ];
}

const response = new Response();
const fetch = async (): Promise<Response> => response;

function newRoot(): TokenManager {
  return new TokenManager({
    clientId: 'bench',
    authorizationServer: { tokenEndpoint: 'https://as.example.com/token' },
    protectedResources: ['https://api.example.com/'],
    fetch,
  });
}

async function call(manager: TokenManager): Promise<TokenManager> {
  const { accessToken, refreshToken } = newTokens();
  await manager.setTokens({ access_token: accessToken, refresh_token: refreshToken, expires_in: 3600 });
  await manager.fetch('https://api.example.com/orders');
  return manager;
}

/** An access token of 256 characters, such as a small JWT, and a refresh token of 48. */
function newTokens(): { accessToken: string; refreshToken: string; expiresAt: number } {
  const token = (bytes: number) => randomBytes(bytes).toString('base64url');
  return { accessToken: token(192), refreshToken: token(36), expiresAt: Date.now() + 3_600_000 };
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}

interface Measured {
  readonly count: number;
  /** For each, when everything has settled. */
  readonly bytes: number;
  /** For all. */
  readonly ms: number;
}

async function measured(count: number, fill: () => Promise<unknown>): Promise<Measured> {
  const before = await settledHeap();
  const start = performance.now();
  const kept = await fill();
  const ms = performance.now() - start;
  const bytes = ((await settledHeap()) - before) / count;
  return kept === undefined ? { count, bytes: 0, ms } : { count, bytes, ms };
}

async function settledHeap(): Promise<number> {
  for (let pass = 0; pass < 5; pass++) {
    globalThis.gc?.();
    await setImmediate(); // finalizers run
  }
  return process.memoryUsage().heapUsed;
}
