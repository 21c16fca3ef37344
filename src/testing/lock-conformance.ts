/**
 * The laws of `TokenLock`, one test each, for every lock that there will ever be.
 *
 * @module
 */
import type { ConformanceCase } from './conformance.ts';
import { casesOf } from './conformance.ts';
import { lawsOfExclusion } from './laws/exclusion.ts';
import type { LockConformanceOptions, LockFixture } from './laws/lock-trial.ts';
import { LockTrial } from './laws/lock-trial.ts';
import { lawsOfWaiting } from './laws/waiting.ts';

/**
 * The tests that every `TokenLock` has to pass, numbered like its laws.
 *
 * What a lock cannot do is declared in `options`; the tests then make sure that it really cannot.
 *
 * @param createLock Makes a fresh lock for one test. It shares nothing with any other one.
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
  const laws = [...lawsOfExclusion(options), ...lawsOfWaiting].sort((one, other) => one.law - other.law);
  return casesOf(laws, createLock, (fixture) => new LockTrial(fixture, options));
}
