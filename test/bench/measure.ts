/** One measurement, in a process of its own: `node --expose-gc test/bench/measure.ts hot`. Sends its rows to `main.ts`. */
import { bundle } from './bundle.ts';
import { expiry } from './expiry.ts';
import { fleet } from './fleet.ts';
import { hot } from './hot.ts';
import { loopback } from './loopback.ts';
import { memory } from './memory.ts';
import type { Measurement } from './row.ts';
import { storm } from './storm.ts';
import { table } from './table.ts';
import { tabs } from './tabs.ts';
import { token } from './token.ts';

const measurements: Record<string, Measurement> = {
  hot,
  token,
  loopback,
  storm,
  expiry,
  memory,
  fleet,
  tabs,
  bundle,
};
const measurement = measurements[process.argv[2] ?? ''];
if (measurement === undefined) throw new Error(`Name one of ${Object.keys(measurements).join(', ')}.`);

const rows = await measurement();
if (process.send) process.send(rows, () => process.exit());
else console.log(table(rows));
