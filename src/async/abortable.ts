/**
 * Waits that a signal or a deadline ends.
 *
 * @module
 */
import type { Clock } from '../core/contracts.ts';

/**
 * Returns the reason of an abort: the signal's `reason`, or an `AbortError` if a polyfill, such as that of React Native, keeps
 * none.
 */
export function abortReason(signal: AbortSignal): unknown {
  return signal.reason === undefined
    ? namedError('AbortError', 'This operation was aborted.')
    : signal.reason;
}

/** Returns an error like a `DOMException` of this name, also where there is no `DOMException`. */
function namedError(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

/**
 * Throws if a signal is aborted. Polyfills have no `throwIfAborted()`.
 *
 * @throws the reason of the signal.
 */
export function throwIfAborted(signal: AbortSignal | null | undefined): void {
  if (signal?.aborted === true) throw abortReason(signal);
}

/**
 * Waits for `value` until `signal` aborts. An abort ends the wait only: the operation behind `value` continues.
 *
 * @throws the reason of the signal, and what `value` rejects with.
 */
export function abortable<T>(value: Promise<T> | T, signal: AbortSignal | null | undefined): Promise<T> {
  const promise = Promise.resolve(value); // a mock of `fetch` may return a response in place of a promise
  return signal ? raceAbort(promise, signal) : promise;
}

async function raceAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(abortReason(signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * The time and timers, in the form of the global object. The platform's clock is `globalThis` itself. `Date` is read at each
 * call, because fake timers replace it.
 */
export interface RequiredClock {
  readonly Date: Pick<Clock, 'now'>;
  setTimeout(callback: () => void, delay: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** The clock of the platform. */
export const platformClock: RequiredClock = globalThis as unknown as RequiredClock;

/** Completes a clock with the platform's timers. */
export function completeClock(clock: Clock | undefined): RequiredClock {
  if (clock === undefined) return platformClock;
  const hasTimers = clock.setTimeout !== undefined && clock.clearTimeout !== undefined;
  const timers = hasTimers ? (clock as Required<Clock>) : platformClock;
  return {
    Date: clock,
    setTimeout: (callback, delay) => timers.setTimeout(callback, delay),
    clearTimeout: (timer) => timers.clearTimeout(timer),
  };
}

/** Longest delay of a timer, in ms. With a longer one, timers call back at once. */
export const maxTimerDelay: number = 2 ** 31 - 1;

/** Starts a timer that does not keep the process alive. Returns it, for `clock.clearTimeout()`. */
export function startTimer(clock: RequiredClock, callback: () => void, delay: number): unknown {
  const timer = clock.setTimeout(callback, Math.min(delay, maxTimerDelay));
  (timer as { unref?: () => void } | undefined)?.unref?.(); // a number in browsers
  return timer;
}

/** Starts a timer of the platform that does not keep the process alive. Returns a function that stops it. */
export function setUnrefTimeout(callback: () => void, delay: number): () => void {
  const timer = startTimer(platformClock, callback, delay);
  return () => platformClock.clearTimeout(timer);
}

/**
 * Resolves after `ms`. The timer keeps the process alive.
 *
 * @throws the reason of the signal.
 */
export async function delay(
  ms: number,
  signal?: AbortSignal | undefined,
  clock: RequiredClock = platformClock,
): Promise<void> {
  let timer: unknown;
  const over = new Promise<void>((resolve) => {
    timer = clock.setTimeout(resolve, ms);
  });
  await abortable(over, signal).finally(() => clock.clearTimeout(timer));
}

/** The time limit of an operation, and the clock that measures it. */
export interface TimeLimit {
  readonly clock: RequiredClock;
  /** Time limit in ms. */
  readonly timeout: number;
}

/** Returns an error like the abort reason of `AbortSignal.timeout()`, also where there is no `DOMException`. */
export function timeoutError(timeout: number): Error {
  return namedError('TimeoutError', `No response within ${timeout} ms.`);
}

/** Returns a signal that aborts after `delay` ms, a function that stops its timer, and one that aborts it earlier. */
export function deadline(
  clock: RequiredClock,
  delay: number,
  reason: () => unknown = () => timeoutError(delay),
): {
  readonly signal: AbortSignal;
  readonly clear: () => void;
  readonly abort: (reason: unknown) => void;
} {
  const controller = new AbortController();
  const { signal } = controller;
  const abort = (cause: unknown): void => {
    // A polyfill does not keep the reason.
    if (!('reason' in signal)) Object.defineProperty(signal, 'reason', { value: cause });
    controller.abort(cause);
  };
  const timer = startTimer(clock, () => abort(reason()), delay);
  return { signal, clear: () => clock.clearTimeout(timer), abort };
}

/**
 * Waits for an operation until the time limit: a callback of the application, or an operation of the platform, may never end.
 *
 * @param operation a promise, or a function that returns one. An error that the function throws counts as a rejection.
 * @throws a `TimeoutError`, and the error of the operation.
 */
export async function withTimeout<T>(
  { clock, timeout }: TimeLimit,
  operation: Promise<T> | T | (() => Promise<T> | T),
): Promise<T> {
  const { signal, clear } = deadline(clock, timeout);
  try {
    const started = typeof operation === 'function' ? (operation as () => Promise<T> | T)() : operation;
    return await abortable(started, signal);
  } finally {
    clear();
  }
}
