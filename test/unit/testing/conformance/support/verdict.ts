import type { Clock } from '../../../../../src/core/contracts.ts';
import type { ConformanceCase } from '../../../../../src/testing/index.ts';

/** The verdict of a kit: the names of the failed cases, with their messages. */
export async function verdict(cases: readonly ConformanceCase[]): Promise<Map<string, string>> {
  const failures = new Map<string, string>();
  const run = async ({ name, run }: ConformanceCase): Promise<void> => {
    try {
      await run();
    } catch (error) {
      failures.set(name, String(error));
    }
  };
  await Promise.all(cases.map(run));
  return failures;
}

/** The laws that these cases belong to. */
export function lawsOf(failures: ReadonlyMap<string, string>): (string | undefined)[] {
  return [...new Set([...failures.keys()].map((name) => /^law ([\w-]+): /.exec(name)?.[1]))].sort();
}

/** The messages of the cases. */
export function show(failures: ReadonlyMap<string, string>): string {
  return [...failures].map(([name, error]) => `${name}\n  ${error}`).join('\n');
}

/**
 * A clock for code without I/O: it counts the turns of the event loop. An event that has not happened after a
 * thousand of them never will, however slow the machine is.
 */
export const turnsClock: Required<Clock> = {
  now: () => 0,
  setTimeout(callback) {
    const timer = { isCleared: false };
    const wait = (left: number): void => {
      if (timer.isCleared) return;
      if (left === 0) callback();
      else setImmediate(wait, left - 1);
    };
    wait(1000);
    return timer;
  },
  clearTimeout(timer) {
    (timer as { isCleared: boolean }).isCleared = true;
  },
};
