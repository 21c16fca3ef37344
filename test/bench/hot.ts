import { origin, signedIn } from './contenders.ts';
import { bytes, nanoseconds } from './per-call.ts';
import { least, median, middleHalf, paired, takeTurns } from './rounds.ts';
import type { Row } from './row.ts';

/** The ways in which applications call `fetch`. */
const url = `${origin}/v1/orders/17?expand=items`;
const elsewhere = 'https://cdn.example.net/logo.svg';
const headers = { accept: 'application/json', 'x-request-id': '17' };
const shapes: Readonly<Record<string, readonly [string | URL | Request, RequestInit?]>> = {
  'string URL': [url],
  'string URL, init with headers': [url, { headers }],
  'string URL, init with Headers': [url, { headers: new Headers(headers) }],
  'URL object': [new URL(url)],
  Request: [new Request(url, { headers })],
  'not a protected resource': [elsewhere],
};

/** An authorised call with a fresh token: what is added to a `fetch` that does nothing. */
export async function hot(): Promise<Row[]> {
  const answer = new Response(null, { status: 200 });
  const bare = async (_input: unknown, _init?: RequestInit) => answer;
  const { handWritten, ours } = await signedIn(bare);
  const contestants = Object.entries(shapes).map(([what, [input, init]]) => ({
    what,
    calls: {
      bare: () => bare(input, init),
      handWritten: () => handWritten.fetch(input, init),
      ours: () => ours.fetch(input, init),
    },
  }));
  // All shapes are warm before the first is measured: an application uses several, and so the compiler sees several.
  for (const { calls } of contestants) await compete(calls, 20);
  const rows: Row[] = [];
  for (const { what, calls } of contestants) rows.push(await row(what, calls));
  return rows;
}

type Calls = Readonly<Record<'bare' | 'handWritten' | 'ours', () => Promise<unknown>>>;

function compete(calls: Calls, rounds: number) {
  const timed = (call: () => Promise<unknown>) => () => nanoseconds(call, 1_000);
  return takeTurns(rounds, {
    bare: timed(calls.bare),
    handWritten: timed(calls.handWritten),
    ours: timed(calls.ours),
  });
}

async function row(what: string, calls: Calls): Promise<Row> {
  const times = await compete(calls, 300);
  const size = {
    bare: await bytes(calls.bare),
    handWritten: await bytes(calls.handWritten),
    ours: await bytes(calls.ours),
  };
  const added = (name: 'handWritten' | 'ours') => least(times[name]) - least(times.bare);
  const figures = (name: 'handWritten' | 'ours') =>
    `+${added(name).toFixed(0)} ns, +${(size[name] - size.bare).toFixed(0)} B`;
  const each = paired(times.ours, times.bare, (ours, bare) => ours - bare);
  return {
    what,
    floor: `${least(times.bare).toFixed(0)} ns, ${size.bare.toFixed(0)} B`,
    handWritten: figures('handWritten'),
    ours: figures('ours'),
    noise: `median +${median(each).toFixed(0)} (${middleHalf(each, (value) => value.toFixed(0))})`,
    ...(what === 'string URL' && { aim: '≤ +300 ns', met: added('ours') <= 300 }),
  };
}
