import { authorizationServer } from 'tokenkeep/testing';
import { signedInAt } from './contenders.ts';
import { randomNumbers } from './random.ts';
import { quantile } from './rounds.ts';
import type { Row } from './row.ts';

const expiries = 200;
const inFlight = 50;
const callsPerToken = 75;
type Name = 'handWritten' | 'ours';

interface Outcome {
  readonly refreshes: number;
  readonly failed: number;
  readonly latencies: readonly number[];
}

/** Tokens that end while 50 calls are on their way, again and again: early 401s, late ones, and calls in between. */
export async function expiry(): Promise<Row[]> {
  const runs: Record<Name, Outcome[]> = { handWritten: [], ours: [] };
  await outlast('handWritten', 0, 20);
  await outlast('ours', 0, 20);
  for (let seed = 1; seed <= 3; seed++) {
    for (const name of seed % 2 ? (['handWritten', 'ours'] as const) : (['ours', 'handWritten'] as const)) {
      runs[name].push(await outlast(name, seed, expiries));
    }
  }
  return rows(runs);
}

function rows(runs: Record<Name, Outcome[]>): Row[] {
  const refreshes = (name: Name) => Math.max(...runs[name].map((run) => run.refreshes)) / expiries;
  const failed = (name: Name) => runs[name].reduce((sum, run) => sum + run.failed, 0);
  const p = (name: Name, share: number) => runs[name].map(({ latencies }) => quantile(latencies, share));
  const best = (name: Name, share: number) => Math.min(...p(name, share));
  const latency = (share: number): Row => ({
    what: `p${share * 100} of a call`,
    floor: '',
    handWritten: `${best('handWritten', share).toFixed(1)} ms`,
    ours: `${best('ours', share).toFixed(1)} ms`,
    noise: `3 runs, the best counts: ${p('ours', share)
      .map((ms) => ms.toFixed(1))
      .join(', ')}, hand-written ${p('handWritten', share)
      .map((ms) => ms.toFixed(1))
      .join(', ')}`,
    ...(share === 0.99 && {
      aim: '≤ hand-written',
      met: best('ours', share) <= best('handWritten', share) * 1.02,
    }),
  });
  return [
    {
      what: 'refreshes per expiry',
      floor: '1.00',
      handWritten: refreshes('handWritten').toFixed(2),
      ours: refreshes('ours').toFixed(2),
      noise: '3 runs, the worst counts',
      aim: '1.00',
      met: refreshes('ours') === 1,
    },
    {
      what: 'failed calls',
      floor: '0',
      handWritten: `${failed('handWritten')}`,
      ours: `${failed('ours')}`,
      aim: '0',
      met: failed('ours') === 0,
    },
    latency(0.5),
    latency(0.99),
  ];
}

async function outlast(name: Name, seed: number, times: number): Promise<Outcome> {
  const server = authorizationServer({ log: false });
  const random = randomNumbers(seed);
  const way = () => new Promise((resolve) => setTimeout(resolve, random() * 3));
  // Two legs that take time: a call may be rejected long after the token was replaced, or arrive long after it left.
  const slowly: typeof globalThis.fetch = async (input, init) => {
    await way();
    const response = await server.fetch(input, init);
    await way();
    return response;
  };
  const client = (await signedInAt(server, slowly))[name];
  const latencies: number[] = [];
  let [expired, known, failed] = [0, 0, 0];
  const carried: number[] = Array(inFlight).fill(0);
  const caller = async (self: number) => {
    while (expired < times || server.counts.refreshes < times) {
      const issued = server.counts.refreshes;
      carried[self] = known;
      const start = performance.now();
      const { status } = await client.fetch(`${server.apiOrigin}/orders`);
      latencies.push(performance.now() - start);
      if (status !== 200) failed += 1;
      // A caller after the refresh has the new token now, and so has every later one.
      if (issued === expired) known = expired;
      carried[self] = known;
      // A token ends when all 50 use it. One that ends before its first replays arrive is another story.
      const isInUse = carried.every((token) => token === expired);
      if (expired < times && isInUse && latencies.length >= (expired + 1) * callsPerToken) {
        expired += 1;
        server.expire();
      }
    }
  };
  await Promise.all(carried.map((_, self) => caller(self)));
  const { refreshAttempts, reuses } = server.counts;
  if (reuses > 0) throw new Error(`${name}: ${reuses} refresh tokens sent twice`);
  return { refreshes: refreshAttempts, failed, latencies };
}
