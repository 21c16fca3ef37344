import type { TokenResponse } from 'tokenkeep';
import { authorizationServer, type TestAuthorizationServer } from 'tokenkeep/testing';
import { signedInAt } from './contenders.ts';
import { least, median, middleHalf, paired, takeTurns } from './rounds.ts';
import type { Row } from './row.ts';

type Name = 'floor' | 'handWritten' | 'ours';

/** The rounds by the number of calls: about as long each. */
const storms: readonly (readonly [calls: number, rounds: number])[] = [
  [10, 200],
  [100, 100],
  [1_000, 30],
  [10_000, 7],
];

/** Parallel calls that all get 401 with the same token: one refresh, and all are answered. */
export async function storm(): Promise<Row[]> {
  const server = authorizationServer({ log: false });
  const url = `${server.apiOrigin}/orders`;
  const { handWritten, ours } = await signedInAt(server);
  const fewest = leastThatCanBeDone(server, url);
  const rage = (calls: number): Record<Name, () => Promise<Response[]>> => ({
    floor: () => fewest(calls),
    handWritten: () => all(calls, () => handWritten.fetch(url)),
    ours: () => all(calls, () => ours.fetch(url)),
  });
  const rows: Row[] = [];
  let perCall = Number.NaN;
  for (const [calls, rounds] of storms) {
    const contenders = Object.fromEntries(
      Object.entries(rage(calls)).map(([name, go]) => [name, () => timed(server, go, name)]),
    ) as Record<Name, () => Promise<number>>;
    if (rows.length === 0) await takeTurns(100, contenders); // warm
    const times = await takeTurns(rounds, contenders);
    rows.push(row(calls, times, perCall));
    perCall = least(times.ours) / calls;
  }
  return rows;
}

/** @throws Error when there was a second refresh, or a call that did not end well. */
async function timed(
  server: TestAuthorizationServer,
  go: () => Promise<Response[]>,
  name: string,
): Promise<number> {
  server.expire();
  server.reset();
  // The round before leaves its responses to the garbage collector: not on the account of this one.
  globalThis.gc?.({ type: 'minor' });
  const start = performance.now();
  const responses = await go();
  const elapsed = performance.now() - start;
  const { refreshes, reuses, refreshAttempts } = server.counts;
  const failed = responses.filter(({ status }) => status !== 200).length;
  if (refreshes !== 1 || refreshAttempts !== 1 || reuses !== 0 || failed > 0) {
    throw new Error(`${name}: ${refreshAttempts} refreshes, ${reuses} reuses, ${failed} failed calls`);
  }
  return elapsed;
}

function row(calls: number, times: Readonly<Record<Name, readonly number[]>>, before: number): Row {
  const ratio = (name: Name) => least(times[name]) / least(times.floor);
  const each = paired(times.ours, times.floor, (ours, floor) => ours / floor);
  const microseconds = (least(times.ours) / calls) * 1_000;
  const growth = Number.isNaN(before)
    ? ''
    : `, ${(least(times.ours) / calls / before).toFixed(2)} × the storm before`;
  return {
    what: `${calls} calls`,
    floor: `${((least(times.floor) / calls) * 1_000).toFixed(1)} µs/call`,
    handWritten: `${ratio('handWritten').toFixed(2)} ×`,
    ours: `${ratio('ours').toFixed(2)} ×, 1 refresh, all 200`,
    noise: `median ${median(each).toFixed(2)} (${middleHalf(each, (value) => value.toFixed(2))}); ${microseconds.toFixed(1)} µs/call${growth}`,
    aim: '≤ 1.15 ×',
    met: ratio('ours') <= 1.15,
  };
}

function all(calls: number, call: () => Promise<Response>): Promise<Response[]> {
  return Promise.all(Array.from({ length: calls }, call));
}

/** All calls, one refresh, all calls once more: nobody who does not know the future does with less. */
function leastThatCanBeDone(server: TestAuthorizationServer, url: string) {
  let tokens: TokenResponse = server.signIn();
  const send = () => server.fetch(url, { headers: { authorization: `Bearer ${tokens.access_token}` } });
  return async (calls: number): Promise<Response[]> => {
    for (const { body } of await all(calls, send)) void body?.cancel();
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'test-client',
      refresh_token: tokens.refresh_token ?? '',
    });
    const answer = await server.fetch(server.metadata.tokenEndpoint, { method: 'POST', body });
    tokens = (await answer.json()) as TokenResponse;
    return all(calls, send);
  };
}
