/**
 * The conformance kit of `TokenLock`: one test for each law.
 *
 * @module
 */
import type { ConformanceCase } from './conformance-case.ts';
import { conformanceCases } from './conformance-case.ts';
import { lawsOfExclusion } from './lock-exclusion.ts';
import type { LockConformanceOptions, LockFixture } from './lock-under-test.ts';
import { LockUnderTest } from './lock-under-test.ts';
import { lawsOfWaiting } from './lock-waiting.ts';

/**
 * Returns the tests that every `TokenLock` must pass. Each one names its law: `lock-1` to `lock-6`.
 *
 * Declare capabilities that a lock does not have in `options`; the tests then check that it really lacks them.
 *
 * @param createLock Creates a new lock for one test. It shares nothing with any other one.
 * @example
 * ```ts
 * import { test } from 'node:test'; // or of any other runner
 * import type { TokenLock } from 'tokenkeep';
 * import { lockConformance, register } from 'tokenkeep/testing';
 *
 * let count = 0;
 * const cases = lockConformance(
 *   () => {
 *     const prefix = `test${count++}:`;
 *     const open = (): TokenLock => ({
 *       reach: 'machine',
 *       request: (name, { signal }, callback) =>
 *         navigator.locks.request(prefix + name, signal ? { signal } : {}, async () => callback()),
 *     });
 *     return { lock: open(), reopen: open };
 *   },
 *   { holderDeath: false },
 * );
 * register(test, cases);
 * ```
 */
export function lockConformance(
  createLock: () => LockFixture | Promise<LockFixture>,
  options: LockConformanceOptions = {},
): readonly ConformanceCase[] {
  const laws = [...lawsOfExclusion(options), ...lawsOfWaiting].sort((one, other) =>
    one.law.localeCompare(other.law),
  );
  return conformanceCases(laws, createLock, (fixture) => new LockUnderTest(fixture, options));
}
