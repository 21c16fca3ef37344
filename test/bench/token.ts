import { signedIn, tokens } from './contenders.ts';
import { bytes, nanoseconds } from './per-call.ts';
import { least, median, middleHalf, takeTurns } from './rounds.ts';
import type { Row } from './row.ts';

/** `await getAccessToken()` with a fresh token, against awaiting a promise that is there. */
export async function token(): Promise<Row[]> {
  const { handWritten, ours } = await signedIn(async () => new Response());
  const there = Promise.resolve(tokens.access_token);
  const calls = {
    floor: () => there,
    handWritten: () => handWritten.getAccessToken(),
    ours: () => ours.getAccessToken(),
  };
  const compete = (rounds: number) =>
    takeTurns(rounds, {
      floor: () => nanoseconds(calls.floor, 2_000),
      handWritten: () => nanoseconds(calls.handWritten, 2_000),
      ours: () => nanoseconds(calls.ours, 2_000),
    });
  await compete(30);
  const times = await compete(400);
  const figure = async (name: keyof typeof calls) =>
    `${least(times[name]).toFixed(0)} ns, ${(await bytes(calls[name])).toFixed(0)} B`;
  return [
    {
      what: 'getAccessToken()',
      floor: await figure('floor'),
      handWritten: await figure('handWritten'),
      ours: await figure('ours'),
      noise: `median ${median(times.ours).toFixed(0)} (${middleHalf(times.ours, (value) => value.toFixed(0))})`,
      aim: '≤ 150 ns',
      met: least(times.ours) <= 150,
    },
  ];
}
