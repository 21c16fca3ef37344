import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { memoryStorage, TokenManager } from 'tokenkeep';
import type { Row } from './row.ts';

const sessions = 10_000;

/** What a backend keeps for users who are signed in and idle. The token strings themselves are in all figures. */
export async function memory(): Promise<Row[]> {
  const floor = await grown(async () => {
    const kept = new Map<string, readonly [string, string]>();
    for (let user = 0; user < sessions; user++) kept.set(`user-${user}`, [newToken(), newToken()]);
    return kept;
  });
  const timersBefore = timers();
  const managers: TokenManager[] = [];
  const held = await grown(async () => {
    const root = newRoot();
    for (let user = 0; user < sessions; user++) managers.push(await signIn(root, user));
    return root;
  });
  const timersAfter = timers() - timersBefore;
  const dropped = await grown(async () => {
    const root = newRoot();
    for (let user = 0; user < sessions; user++) await signIn(root, user);
    return root;
  });
  const text = (bytes: number) => `${bytes.toFixed(0)} B`;
  return [
    {
      what: 'a session whose manager is kept',
      floor: text(floor.bytes),
      handWritten: '',
      ours: text(held.bytes),
      aim: '≤ 1 000 B',
      met: held.bytes <= 1_000,
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
      floor: text(floor.bytes),
      handWritten: '',
      ours: text(dropped.bytes),
    },
  ];
}

function newRoot(): TokenManager {
  return new TokenManager({
    clientId: 'bench',
    authorizationServer: { tokenEndpoint: 'https://as.example.com/token' },
    protectedResources: ['https://api.example.com/'],
    storage: memoryStorage(),
  });
}

async function signIn(root: TokenManager, user: number): Promise<TokenManager> {
  const manager = root.forSession(`user-${user}`);
  await manager.setTokens({ access_token: newToken(), refresh_token: newToken(), expires_in: 3600 });
  return manager;
}

/** 256 bits, as authorization servers make them. */
function newToken(): string {
  return randomBytes(32).toString('base64url');
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}

/** Bytes per session that are still there when everything has settled. */
async function grown(fill: () => Promise<unknown>): Promise<{ bytes: number; kept: unknown }> {
  const before = await settledHeap();
  const kept = await fill();
  return { bytes: ((await settledHeap()) - before) / sessions, kept };
}

async function settledHeap(): Promise<number> {
  for (let pass = 0; pass < 5; pass++) {
    globalThis.gc?.();
    await setImmediate(); // finalizers run
  }
  return process.memoryUsage().heapUsed;
}
