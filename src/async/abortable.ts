/**
 * Waiting that can be given up, and ends.
 *
 * @module
 */
import { abortReason } from '../core/abort.ts';
import type { Clock } from '../core/contracts.ts';

/** Waits for `promise` until `signal` aborts. Whoever gives up leaves; what was waited for goes on. */
export function abortable<T>(value: Promise<T> | T, signal: AbortSignal | null | undefined): Promise<T> {
  const promise = Promise.resolve(value); // a mock of `fetch` may return what it should resolve to
  if (signal === undefined || signal === null) return promise;
  if (signal.aborted) {
    promise.catch(() => undefined); // nobody is left to hear of it
    return Promise.reject(abortReason(signal));
  }
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(abortReason(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** A clock whose timers are there, whatever the caller's clock brings. Timers never keep a process alive. */
export type RequiredClock = Required<Clock>;

/** Completes a clock with the platform's timers. */
export function completeClock(clock: Clock | undefined): RequiredClock {
  if (clock?.setTimeout !== undefined && clock.clearTimeout !== undefined) return clock as RequiredClock;
  return {
    // Not the function itself: fake timers of tests take the place of the whole `Date`.
    now: clock === undefined ? () => Date.now() : () => clock.now(),
    setTimeout: (callback, delay) => {
      const timer: unknown = globalThis.setTimeout(callback, delay);
      (timer as { unref?: () => void }).unref?.(); // a number in browsers
      return timer;
    },
    clearTimeout: (timer) => globalThis.clearTimeout(timer as number),
  };
}

/** The longest that timers can wait, in ms: told to wait longer, they call back at once. */
export const maxTimerDelay: number = 2 ** 31 - 1;

/** Returns an error like the abort reason of `AbortSignal.timeout()`, also where there is no `DOMException`. */
export function timeoutError(timeout: number): Error {
  return Object.assign(new Error(`No answer within ${timeout} ms.`), { name: 'TimeoutError' });
}

/** A signal that aborts with `reason` after `delay` ms; how to let it go, and how to abort it before. */
export function deadline(
  clock: RequiredClock,
  delay: number,
  reason: () => unknown,
): {
  readonly signal: AbortSignal;
  readonly clear: () => void;
  readonly abort: (reason: unknown) => void;
} {
  const controller = new AbortController();
  const { signal } = controller;
  const abort = (cause: unknown): void => {
    // A polyfill keeps no reason.
    if (!('reason' in signal)) Object.defineProperty(signal, 'reason', { value: cause });
    controller.abort(cause);
  };
  const timer = clock.setTimeout(() => abort(reason()), Math.min(delay, maxTimerDelay));
  return { signal, clear: () => clock.clearTimeout(timer), abort };
}

/** Waits for what `run` begins, but no longer than `timeout` ms: a callback of the application may never end. */
export async function withTimeout<T>(
  { clock, timeout }: { readonly clock: RequiredClock; readonly timeout: number },
  run: () => Promise<T>,
): Promise<T> {
  const { signal, clear } = deadline(clock, timeout, () => timeoutError(timeout));
  try {
    return await abortable(run(), signal);
  } finally {
    clear();
  }
}
