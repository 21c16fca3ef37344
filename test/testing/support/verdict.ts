import type { ConformanceCase } from '../../../src/testing/index.ts';

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
export function lawsOf(failures: ReadonlyMap<string, string>): number[] {
  return [...new Set([...failures.keys()].map((name) => Number(/^law (\d+): /.exec(name)?.[1])))].sort();
}

/** What the cases said, for messages. */
export function show(failures: ReadonlyMap<string, string>): string {
  return [...failures].map(([name, error]) => `${name}\n  ${error}`).join('\n');
}
