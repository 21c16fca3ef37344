/**
 * Waits for the lock of a session (step 2), until the lock is free or no longer needed.
 *
 * @module
 */

import { abortable, deadline, startTimer, throwIfAborted } from '../async/abortable.ts';
import {
  type AnyTokenKeepError,
  ConfigurationError,
  isTokenKeepError,
  LockTimeoutError,
  StorageError,
  type TokenKeepError,
} from '../core/errors.ts';
import { safeCause } from '../core/http/network-error.ts';
import type { Secrets } from '../core/redact.ts';
import type { ManagerContext } from './manager-context.ts';
import type { Session } from './session.ts';
import { secretsOf, unwatched } from './session-store.ts';

/** Abort reason of a waiter that leaves the queue because the stored record needs no lock any more. */
const doneElsewhere: unique symbol = Symbol('done elsewhere');

/** Delay before a waiter also polls the storage, in ms. Most locks are free, and most holders are fast. */
const pollAfterMs = 100;

/** A task for the lock, and a check that ends the wait early. */
export interface LockedTask<T> {
  run(): Promise<T>;
  /** Checks whether the task is no longer needed. @default the lock is always needed */
  isDoneElsewhere?(): Promise<boolean>;
}

/** Result of a task under the lock. */
export type LockOutcome<T> =
  | { readonly kind: 'ran'; readonly value: T }
  /** The task did not run, because the stored record needs no lock any more. */
  | { readonly kind: 'done-elsewhere' }
  /** The lock was not free in time, or failed with a foreign error, perhaps after the task ran. */
  | { readonly kind: 'lock-failed'; readonly error: AnyTokenKeepError };

/**
 * Runs a task under the lock.
 *
 * @throws the error of the task. Throws the error of the lock if it is one of tokenkeep, such as that of an unreachable server:
 *   another read of the storage would not help.
 */
export async function withSessionLock<T>(
  context: ManagerContext,
  session: Session,
  { run, isDoneElsewhere }: LockedTask<T>,
): Promise<LockOutcome<T>> {
  const { lock, lockTimeout, clock } = context;
  const late = () =>
    new LockTimeoutError(`The lock of the session was not free within ${lockTimeout} ms. Try again.`);
  const { signal, clear, abort } = deadline(clock, lockTimeout, late);
  const leave = () => abort(doneElsewhere);
  const stopListening = isDoneElsewhere && watchUntilDone(context, session, { isDoneElsewhere, leave });
  let failure: unknown;
  try {
    const granted = lock.request(`tokenkeep:${session.key}`, { signal }, async () => {
      throwIfAborted(signal); // the caller no longer waits
      // From here on it holds the lock, so neither the deadline nor a change in the storage ends it.
      clear();
      stopListening?.();
      try {
        return await run();
      } catch (error) {
        failure = error;
        throw error;
      }
    });
    return { kind: 'ran', value: await abortable(granted, signal) };
  } catch (error) {
    const waited = signal.aborted && error === signal.reason;
    if (!waited && isTokenKeepError(error)) {
      throw error === failure ? error : redactedLockError(error, secretsOf(session));
    }
    if (error === doneElsewhere) return { kind: 'done-elsewhere' };
    return { kind: 'lock-failed', error: isTokenKeepError(error) ? error : foreignLockError(error) };
  } finally {
    clear();
    stopListening?.();
  }
}

function foreignLockError(cause: unknown): LockTimeoutError {
  return new LockTimeoutError('The lock of the session failed.', { cause: safeCause(cause, []) });
}

/** Returns the error of a lock without secrets, even if it is an error of tokenkeep. */
function redactedLockError(error: AnyTokenKeepError, secrets: Secrets): TokenKeepError {
  const { message = '', cause } = safeCause(error, secrets) ?? {};
  switch (error.code) {
    case 'ERR_STORAGE':
      return new StorageError(message, { operation: error.operation, conflict: error.conflict, cause });
    case 'ERR_CONFIGURATION':
      return new ConfigurationError(message, { cause });
    default:
      return new LockTimeoutError(message, { cause });
  }
}

/** Waits, without the lock, until the stored record needs no lock, or until the time `until`. */
export async function waitUntilDone(
  context: ManagerContext,
  session: Session,
  { isDoneElsewhere, until }: { isDoneElsewhere(): Promise<boolean>; readonly until: number },
): Promise<void> {
  const { clock } = context;
  if (clock.Date.now() >= until) return;
  await new Promise<void>((leave) => {
    const stop = () => {
      stopListening();
      clock.clearTimeout(timer);
      leave();
    };
    const stopListening = watchUntilDone(context, session, { isDoneElsewhere, leave: stop });
    const timer = startTimer(clock, stop, until - clock.Date.now());
  });
}

/**
 * Leaves the queue when the stored record needs no lock any more. This avoids waiting for a holder that has stored its result and
 * is suspended with the lock. Returns a function that stops the watch.
 */
function watchUntilDone(
  { clock, store }: ManagerContext,
  session: Session,
  { isDoneElsewhere, leave }: { isDoneElsewhere(): Promise<boolean>; leave(): void },
): () => void {
  let unwatch = unwatched;
  let isWaiting = true;
  const check = async (): Promise<void> => {
    const resolved = await isDoneElsewhere().catch(() => false);
    if (isWaiting && resolved) leave();
  };
  const start = (): void => {
    try {
      unwatch = store.watch(session, () => void check());
    } catch {} // an error in a timer would end the process; without a watch the caller waits the full time
    void check();
  };
  const timer = startTimer(clock, start, pollAfterMs);
  return () => {
    isWaiting = false;
    clock.clearTimeout(timer);
    unwatch();
  };
}
