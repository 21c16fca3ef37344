/**
 * npm run simulate -- [--seed N] [--runs M] [--profile strict|leeway] [--verbose]
 *
 * Prints the results of all sessions. With --verbose, or if a law is broken, it prints the schedule as well.
 */
import { parseArgs } from 'node:util';
import { simulate } from './simulate.ts';
import type { Profile } from './weather.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    runs: { type: 'string' },
    profile: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    find: { type: 'string' },
    'keep-going': { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 30));
const runs = Number(values.runs ?? (values.seed === undefined ? 1_000 : 1));
const profiles = values.profile === undefined ? (['strict', 'leeway'] as const) : [values.profile as Profile];

let broken = 0;
for (const profile of profiles) {
  const endings = new Map<string, number>();
  const start = performance.now();
  let steps = 0;
  let refreshes = 0;
  for (let run = 0; run < runs; run++) {
    const lines: string[] = [];
    const verdict = await simulate(seed + run, { profile, ...(values.verbose && { lines }) });
    for (const line of lines) console.log(line);
    for (const ending of verdict.endings) {
      if (values.find !== undefined && ending.includes(values.find))
        console.log(`seed ${verdict.seed}: ${ending}`);
    }
    for (const ending of verdict.endings) endings.set(ending, (endings.get(ending) ?? 0) + 1);
    steps += verdict.steps;
    refreshes += verdict.refreshes;
    if (verdict.broken === undefined) continue;
    broken += 1;
    console.log(`seed ${verdict.seed} ${profile}: ${verdict.broken}`);
    if (!values['keep-going']) break;
  }
  const seconds = (performance.now() - start) / 1000;
  console.log(`\n${profile}: seeds ${seed} to ${seed + runs - 1}, ${steps} events, ${refreshes} refreshes`);
  console.log(`${(runs / seconds).toFixed(0)} runs/s`);
  for (const [ending, count] of [...endings].sort(([, a], [, b]) => b - a)) {
    console.log(`${String(count).padStart(8)}  ${ending}`);
  }
}
// Calls of processes that died in a run are pending, and a pending call keeps a process alive.
process.exit(broken === 0 ? 0 : 1);
