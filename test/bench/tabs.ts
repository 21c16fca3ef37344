import { openWorld, Scene, type Tab } from '../browser/support/world.ts';
import { median, middleHalf, paired, takeTurns } from './rounds.ts';
import type { Row } from './row.ts';

const sizes = [2, 8, 32];
const expiries = 15;
const storages = ['indexedDb', 'localStorage'] as const;
const ms = (value: number) => value.toFixed(1);

/** Tabs of a real browser that share a session, at a strict server over loopback. */
export async function tabs(): Promise<Row[]> {
  const world = await openWorld('chromium');
  try {
    const rows: Row[] = [];
    const all: Tab[] = [];
    for (const size of sizes) {
      while (all.length < size) all.push(await world.openTab());
      for (const storage of storages) rows.push(await timeToServe(all, storage));
    }
    return rows;
  } finally {
    await world.closeTabs();
    await world.close();
  }
}

/** From the expiry of an access token until every tab has its answer. */
async function timeToServe(all: readonly Tab[], storage: (typeof storages)[number]): Promise<Row> {
  await using scene = await Scene.open(storage, { log: false });
  const { server, listening } = scene;
  for (const tab of all) await scene.join(tab);
  const [first] = all as [Tab];
  const tokens = scene.login();
  await first.call('signIn', tokens);
  let alone = scene.login().refresh_token ?? '';
  const elapsed = async (run: (tab: Tab) => Promise<unknown>) => {
    const start = performance.now();
    await Promise.all(all.map(run));
    return performance.now() - start;
  };
  const served = async (tab: Tab) => {
    const [answer = '', ...others] = await tab.call('callApi');
    if (!answer.startsWith('200') || others.length > 0) throw new Error(`${storage}: ${answer}`);
  };
  await elapsed(served); // all of them know it
  server.reset();
  const times = await takeTurns(expiries, {
    async bare() {
      const { elapsed: time, refreshToken } = await first.call(
        'tokenRequest',
        listening.metadata.tokenEndpoint,
        alone,
      );
      alone = refreshToken;
      return time;
    },
    orders: () => elapsed((tab) => tab.call('burn', 0)),
    ours() {
      server.expire(server.currentAccessToken(tokens.access_token));
      return elapsed(served);
    },
  });
  const { refreshes, refreshAttempts, reuses } = server.counts;
  if (refreshes !== 2 * expiries || refreshAttempts !== refreshes || reuses > 0)
    throw new Error(
      `${storage}: ${refreshAttempts} token requests, ${refreshes} refreshes, ${reuses} reuses`,
    );
  const each = paired(times.ours, times.bare, (ours, bare) => ours / bare);
  return {
    what: `${storage}, ${all.length} tabs: from expiry to all served`,
    floor: `${ms(median(times.bare))} ms; telling all tabs ${ms(median(times.orders))} ms`,
    handWritten: '',
    ours: `${ms(median(times.ours))} ms, ${ms(median(each))} ×, 1 refresh`,
    noise: `${middleHalf(times.ours, ms)} ms`,
  };
}
