import { fork } from 'node:child_process';
import { once } from 'node:events';
import { signedIn, tokens } from './contenders.ts';
import { median, paired, quantile, takeTurns } from './rounds.ts';
import type { Row } from './row.ts';

type Fetch = (url: string) => Promise<Response>;
type Name = 'bare' | 'withHeader' | 'handWritten' | 'ours';
type Values = Readonly<Record<Name, readonly number[]>>;

/** Requests per second over real connections, and the processor time that each costs its client. */
export async function loopback(): Promise<Row[]> {
  const server = fork(new URL('loopback-server.ts', import.meta.url), { execArgv: [] });
  const [port] = (await once(server, 'message')) as [number];
  const url = `http://127.0.0.1:${port}/v1/orders/17`;
  const { handWritten, ours } = await signedIn(globalThis.fetch, `http://127.0.0.1:${port}/`);
  const headers = { authorization: `Bearer ${tokens.access_token}` };
  const clients: Record<Name, Fetch> = {
    bare: (to) => fetch(to),
    withHeader: (to) => fetch(to, { headers }),
    handWritten: (to) => handWritten.fetch(to),
    ours: (to) => ours.fetch(to),
  };
  const rows: Row[] = [];
  for (const inFlight of [1, 64]) rows.push(...(await compete(clients, url, inFlight)));
  server.disconnect();
  return rows;
}

async function compete(clients: Record<Name, Fetch>, url: string, inFlight: number): Promise<Row[]> {
  const requests = inFlight === 1 ? 150 : 512;
  const cpu: Record<Name, number[]> = { bare: [], withHeader: [], handWritten: [], ours: [] };
  const round = (name: Name) => async () => {
    const before = process.cpuUsage();
    const start = performance.now();
    await drive(() => clients[name](url), requests, inFlight);
    const elapsed = performance.now() - start;
    const { user, system } = process.cpuUsage(before);
    cpu[name].push((user + system) / requests);
    return (elapsed * 1_000) / requests;
  };
  const contenders = {
    bare: round('bare'),
    withHeader: round('withHeader'),
    handWritten: round('handWritten'),
    ours: round('ours'),
  };
  await takeTurns(10, contenders);
  for (const values of Object.values(cpu)) values.length = 0;
  const times = await takeTurns(100, contenders);
  return [speed(`requests/s, ${inFlight} in flight`, times), cost(`client CPU, ${inFlight} in flight`, cpu)];
}

/** The round that only a tenth of all rounds were faster than: other work of the machine is not in it. */
const undisturbed = (values: readonly number[]) => quantile(values, 0.1);
const text = (value: number) => value.toFixed(3);

function speed(what: string, times: Values): Row {
  const ratio = (name: Name) => undisturbed(times.bare) / undisturbed(times[name]);
  const each = paired(times.bare, times.ours, (bare, ours) => bare / ours);
  return {
    what,
    floor: `${(1e6 / undisturbed(times.bare)).toFixed(0)} /s; with the header ${text(ratio('withHeader'))}`,
    handWritten: text(ratio('handWritten')),
    ours: text(ratio('ours')),
    noise: `median of the pairs ${text(median(each))}`,
    aim: '≥ 0.97',
    met: ratio('ours') >= 0.97,
  };
}

function cost(what: string, cpu: Values): Row {
  const ratio = (name: Name) => undisturbed(cpu[name]) / undisturbed(cpu.bare);
  const each = paired(cpu.ours, cpu.bare, (ours, bare) => ours / bare);
  return {
    what,
    floor: `${undisturbed(cpu.bare).toFixed(0)} µs; with the header ${text(ratio('withHeader'))}`,
    handWritten: text(ratio('handWritten')),
    ours: text(ratio('ours')),
    noise: `median of the pairs ${text(median(each))}`,
    aim: '≤ 1.05',
    met: ratio('ours') <= 1.05,
  };
}

/** Keeps so many requests in flight until all are answered and read. */
async function drive(call: () => Promise<Response>, requests: number, inFlight: number): Promise<void> {
  let left = requests;
  const worker = async () => {
    while (left-- > 0) await (await call()).text();
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}
