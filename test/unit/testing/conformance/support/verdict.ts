import type { Clock } from '../../../../../src/core/contracts.ts';
import type { ConformanceCase } from '../../../../../src/testing/index.ts';

/** What a kit says of something: the names of the cases that it fails, with what they said. */
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

/** What the cases said, for messages. */
export function show(failures: ReadonlyMap<string, string>): string {
  return [...failures].map(([name, error]) => `${name}\n  ${error}`).join('\n');
}

/**
 * A clock for things that need no I/O: it goes by the turns of the event loop. What has not happened after a thousand of them
 * never will, however slow the machine is.
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
