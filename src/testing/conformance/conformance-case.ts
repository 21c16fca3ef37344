/**
 * The parts of a conformance kit: cases with the id of a law, and descriptions of failures.
 *
 * @module
 */
import type { Clock } from '../../core/contracts.ts';
import { flushPending } from '../server/test-clock.ts';

/** One test of a kit. It needs no test runner: `run` resolves, or rejects with the expected and the observed behaviour. */
export interface ConformanceCase {
  /** Id of the law in the documentation of `TokenStorage`, `TokenLock` or `KeyStorage`, such as `storage-3`. */
  readonly law: string;
  /** Starts with the law, such as `law storage-3: `. */
  readonly name: string;
  /** Rejects if the law is broken. */
  run(this: void): Promise<void>;
}

/** A statement of a law, and its test. */
export interface Law<Trial> {
  readonly law: string;
  readonly title: string;
  verify(trial: Trial): Promise<void>;
}

/**
 * Registers the cases of a kit with a test runner.
 *
 * @example
 * ```ts
 * import { test } from 'node:test'; // or of any other runner
 * import { memoryLock } from 'tokenkeep';
 * import { lockConformance, register } from 'tokenkeep/testing';
 *
 * register(test, lockConformance(() => ({ lock: memoryLock() }), { reopen: false, holderDeath: false }));
 * ```
 */
export function register(
  test: (name: string, run: () => Promise<void>) => unknown,
  cases: readonly ConformanceCase[],
): void {
  for (const { name, run } of cases) test(name, run);
}

/** Creates cases of laws: each gets a new fixture, which is closed even if the case fails. */
export function conformanceCases<Trial, Fixture extends { close?(): unknown }>(
  laws: readonly Law<Trial>[],
  open: () => Fixture | Promise<Fixture>,
  trialOf: (fixture: Fixture) => Trial,
): ConformanceCase[] {
  return laws.map(({ law, title, verify }) => ({
    law,
    name: `law ${law}: ${title}`,
    async run() {
      const fixture = await open();
      try {
        await verify(trialOf(fixture));
      } finally {
        await fixture.close?.();
      }
    },
  }));
}

/** Fails the case with this message unless `holds`. */
export function must(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}

/** Fails the case unless both values are the same JSON. */
export function mustEqual(seen: unknown, expected: unknown, what: string): void {
  must(isSame(seen, expected), `${what}: expected ${formatValue(expected)}, saw ${formatValue(seen)}.`);
}

/** Returns the error with which a call rejects. Fails the case if it resolves, or throws instead of rejecting. */
export async function rejectionOf(call: () => Promise<unknown>, what: string): Promise<unknown> {
  let promise: Promise<unknown>;
  try {
    promise = call();
  } catch (error) {
    throw new Error(
      `${what}: expected a promise that rejects, but the call itself threw ${formatValue(error)}.`,
      {
        cause: error,
      },
    );
  }
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`${what}: expected a rejection, but it resolved with ${formatValue(value)}.`);
}

/** Time limit for each event that a case waits for. */
export interface CaseTimeout {
  /** Time limit in ms: longer than a lease, a reconnect, a poll. @default 5000 */
  readonly timeout?: number;
  /** Timers that measure the time limit. @default the timers of the platform */
  readonly clock?: Required<Clock>;
}

/** Resolves with the result of the promise. Fails the case if the promise takes too long. */
export async function mustSettle<T>(promise: Promise<T>, how: CaseTimeout, what: string): Promise<T> {
  const { timeout = 5000, clock = platform } = how;
  let timer: unknown;
  const expired = new Promise<never>((_, reject) => {
    const late = (): void => reject(new Error(`${what}: it has not happened within ${timeout} ms.`));
    timer = clock.setTimeout(late, timeout);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clock.clearTimeout(timer);
  }
}

const platform: Required<Clock> = {
  now: () => Date.now(),
  setTimeout: (callback, delay) => setTimeout(callback, delay),
  clearTimeout: (timer) => clearTimeout(timer as number),
};

/** A promise, and the functions that settle it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
}

export function deferred<T>(): Deferred<T> {
  let settle: (value: T) => void = () => {};
  const promise = new Promise<T>((resolve) => {
    settle = resolve;
  });
  return { promise, resolve: (value) => settle(value) };
}

/** Waits until everything that is in progress and needs no I/O has happened. */
export async function flushTurns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await flushPending();
}

/** Formats a value for a message, in a line or two. */
export function formatValue(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  const text = typeof value === 'bigint' ? `${value}n` : (toJson(value) ?? String(value));
  return text.length > 200 ? `${text.slice(0, 200)}… (${text.length} characters)` : text;
}

function toJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const names = Object.keys(one);
  if (names.length !== Object.keys(other).length) return false;
  return names.every(
    (name) => Object.hasOwn(other, name) && isSame(memberOf(one, name), memberOf(other, name)),
  );
}

function memberOf(object: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(object, name)?.value;
}
