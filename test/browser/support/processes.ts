import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  /** Processor time, in ticks. */
  readonly ticks: number;
}

function running(): ProcessInfo[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return { pid: Number(name), parent: Number(fields[1]), ticks: Number(fields[11]) };
      } catch {
        return [];
      }
    });
}

function descendants(root: number): ProcessInfo[] {
  const all = running();
  const family = new Set([root]);
  for (let size = 0; size !== family.size; ) {
    size = family.size;
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid);
  }
  return all.filter(({ pid }) => pid !== root && family.has(pid));
}

/**
 * The process below `root` that works hardest once `busy` was called, which keeps it so for five seconds: engines do
 * not report which one runs a page. On a busy machine it is called again.
 */
export async function busiest(root: number, busy: () => void): Promise<number> {
  const before = new Map(descendants(root).map(({ pid, ticks }) => [pid, ticks]));
  for (let look = 0; ; look++) {
    if (look % 100 === 0) busy();
    await pause(50);
    const worked = descendants(root).map(({ pid, ticks }) => ({
      pid,
      worked: ticks - (before.get(pid) ?? 0),
    }));
    const [first, second] = worked.sort((one, other) => other.worked - one.worked);
    // A tick is 10 ms.
    if (first && first.worked >= 20 && first.worked >= 3 * (second?.worked ?? 0)) return first.pid;
  }
}
