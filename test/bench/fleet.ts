import { authorizationServer, type TestAuthorizationServer } from 'tokenkeep/testing';
import type { Server } from './fleet/member.ts';
import { type Member, members } from './fleet/members.ts';
import { openPlaces, type Place } from './fleet/places.ts';
import { median, middleHalf, paired, takeTurns } from './rounds.ts';
import type { Row } from './row.ts';

const sizes = [2, 8, 32];
const expiries = 15;
/** Processes that refresh many sessions: their number, the number of sessions, and how many each refreshes at a time. */
const [backends, sessions, atATime] = [4, 1_000, 16];

interface Fleet {
  readonly server: TestAuthorizationServer;
  readonly address: Server & { readonly issuer: string };
  readonly all: readonly Member[];
}

/** Processes that share sessions, at a strict server over loopback. */
export async function fleet(): Promise<Row[]> {
  await using places = await openPlaces();
  const server = authorizationServer({ log: false });
  const { url: issuer, apiUrl, metadata, close } = await server.listen();
  const address = { tokenEndpoint: metadata.tokenEndpoint, apiUrl, issuer };
  const rows: Row[] = [];
  const measure = async (count: number, run: (all: Fleet) => Promise<Row[]>) => {
    await using started = members(count);
    rows.push(...(await run({ server, address, all: started.all })));
  };
  for (const place of places.all) await measure(Math.max(...sizes), (all) => timesToServe(all, place));
  for (const place of places.all.filter(isOfFleets)) await measure(backends, (all) => throughput(all, place));
  for (const place of [{ kind: 'memory' } as const, ...places.all])
    await measure(1, (all) => freshCalls(all, place));
  await close();
  return rows;
}

const isOfFleets = ({ kind }: Place) => kind === 'redis' || kind === 'postgres';
const ms = (value: number) => value.toFixed(1);

/** From the expiry of an access token until every process has its answer. */
async function timesToServe({ server, address, all }: Fleet, place: Place): Promise<Row[]> {
  await Promise.all(all.map((one) => one.do('open', place, address)));
  const [first] = all as [Member];
  let alone = server.signIn(address).refresh_token ?? '';
  const rows: Row[] = [];
  for (const size of sizes) {
    const group = all.slice(0, size);
    const session = `of ${size}`;
    const tokens = server.signIn(address);
    await first.do('signIn', session, tokens);
    const everybody = async () => {
      const start = performance.now();
      const statuses = await Promise.all(group.map((one) => one.do('call', session)));
      const elapsed = performance.now() - start;
      if (statuses.some((status) => status !== 200)) throw new Error(`${place.kind}: ${statuses}`);
      return elapsed;
    };
    await everybody(); // all of them know it
    server.reset();
    const times = await takeTurns(expiries, {
      async bare() {
        const { each, refreshToken } = await first.do('bare', alone, 1);
        alone = refreshToken;
        return each;
      },
      async calls() {
        const start = performance.now();
        await Promise.all(group.map((one) => one.do('twoCalls')));
        return performance.now() - start;
      },
      ours() {
        server.expire(server.currentAccessToken(tokens.access_token));
        return everybody();
      },
    });
    mustBe(server, { refreshes: 2 * expiries, place });
    const each = paired(times.ours, times.bare, (ours, bare) => ours / bare);
    rows.push({
      what: `${place.kind}, ${size} processes: from expiry to all served`,
      floor: `${ms(median(times.bare))} ms; two bare calls each ${ms(median(times.calls))} ms`,
      handWritten: '',
      ours: `${ms(median(times.ours))} ms, ${ms(median(each))} ×, 1 refresh`,
      noise: `${middleHalf(times.ours, ms)} ms`,
    });
  }
  return rows;
}

/** Many sessions of which each is refreshed by one of several backends. */
async function throughput({ server, address, all: group }: Fleet, place: Place): Promise<Row[]> {
  await Promise.all(group.map((one) => one.do('open', place, address)));
  const share = (index: number) =>
    Array.from({ length: sessions / backends }, (_, number) => `user ${index}-${number}`);
  await Promise.all(
    group.map(async (one, index) => {
      for (const session of share(index)) await one.do('signIn', session, server.signIn(address));
    }),
  );
  let alone = group.map((_, index) => share(index).map(() => server.signIn(address).refresh_token ?? ''));
  const perSecond = async (run: () => Promise<unknown>) => {
    const start = performance.now();
    await run();
    return (sessions * 1_000) / (performance.now() - start);
  };
  server.reset();
  const rounds = 5;
  const rates = await takeTurns(rounds, {
    bare: () =>
      perSecond(async () => {
        alone = await Promise.all(
          group.map((one, index) => one.do('bareRefresh', alone[index] ?? [], atATime)),
        );
      }),
    ours: () =>
      perSecond(() => Promise.all(group.map((one, index) => one.do('refresh', share(index), atATime)))),
  });
  mustBe(server, { refreshes: 2 * rounds * sessions, place });
  const each = paired(rates.ours, rates.bare, (ours, bare) => ours / bare);
  return [
    {
      what: `${place.kind}, ${backends} processes: sessions refreshed per second`,
      floor: `${median(rates.bare).toFixed(0)} /s`,
      handWritten: '',
      ours: `${median(rates.ours).toFixed(0)} /s, ${median(each).toFixed(2)}`,
      noise: `${middleHalf(rates.ours, (value) => value.toFixed(0))} /s`,
    },
  ];
}

/** A fresh token comes from memory, wherever the session is kept. */
async function freshCalls({ server, address, all }: Fleet, place: Place): Promise<Row[]> {
  const [one] = all as [Member];
  await one.do('open', place, address);
  await one.do('signIn', 'fresh', server.signIn(address));
  const { ns, operations } = await one.do('fresh', 'fresh');
  return [
    {
      what: `${place.kind}: getAccessToken() with a fresh token`,
      floor: '',
      handWritten: '',
      ours: `${ns.toFixed(0)} ns, storage asked ${operations} times`,
      aim: '0 times',
      met: operations === 0,
    },
  ];
}

function mustBe(
  { counts }: TestAuthorizationServer,
  { refreshes, place }: { refreshes: number; place: Place },
) {
  if (counts.refreshes === refreshes && counts.refreshAttempts === refreshes && counts.reuses === 0) return;
  throw new Error(
    `${place.kind}: ${counts.refreshAttempts} token requests, ${counts.refreshes} refreshes instead of ${refreshes}, ${counts.reuses} reuses`,
  );
}
