/**
 * Step 2: waiting for the lock of a session, for as long as that is worth it.
 *
 * @module
 */
import { throwIfAborted } from '../core/abort.ts';
import {
  type AnyTokenKeepError,
  ConfigurationError,
  isTokenKeepError,
  LockTimeoutError,
  StorageError,
  type TokenKeepError,
} from '../core/errors.ts';
import type { Secrets } from '../core/redact.ts';
import { safeCause } from '../core/transport-failure.ts';
import type { Workshop } from './attempt.ts';
import type { Session } from './session.ts';
import { secretsOf } from './session-store.ts';
import { deadline, leavingOn } from './waiting.ts';

/** Why a waiter leaves the queue: what is stored has changed, and needs no lock any more. */
export const news: unique symbol = Symbol('news');

/** How long the lock is waited for before what is stored is watched as well, in ms: most are free, and most holders fast. */
const noHurry = 100;

/** What to do under the lock, and how to find out that it is not needed any more. */
export interface Turn<T> {
  run(): Promise<T>;
  isSettled(): Promise<boolean>;
}

/**
 * Runs something under the lock, and throws what that throws. What kept it from running comes back: {@link news}, a
 * `LockTimeoutError`, or the foreign error of a lock that failed, which may as well have come after it ran. A lock that fails
 * with an error of ours, such as that of a server which cannot be reached, has said all there is to say: that is thrown too.
 */
export async function takeTurn<T>(
  workshop: Workshop,
  session: Session,
  { run, isSettled }: Turn<T>,
): Promise<{ readonly ran: T } | { readonly instead: unknown }> {
  const { lock, lockTimeout, clock } = workshop;
  const late = () =>
    new LockTimeoutError(`The lock of the session was not free within ${lockTimeout} ms. Try again.`);
  const { signal, clear, abort } = deadline(clock, lockTimeout, late);
  const stopListening = listen(workshop, session, { isSettled, leave: () => abort(news) });
  let failure: unknown;
  try {
    const granted = lock.request(`tokenkeep:${session.key}`, { signal }, async () => {
      throwIfAborted(signal); // the caller no longer waits
      // From here on it is no waiter: neither the deadline nor news take it away.
      clear();
      stopListening();
      try {
        return await run();
      } catch (error) {
        failure = error;
        throw error;
      }
    });
    return { ran: await leavingOn(granted, signal) };
  } catch (error) {
    const waited = signal.aborted && error === signal.reason;
    if (!waited && isTokenKeepError(error)) {
      throw error === failure ? error : errorOfLock(error, secretsOf(session));
    }
    return { instead: error };
  } finally {
    clear();
    stopListening();
  }
}

/** Returns the error of a lock without secrets, also if it is already an error of tokenkeep. */
function errorOfLock(error: AnyTokenKeepError, secrets: Secrets): TokenKeepError {
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

/** Waits, without the lock, until what is stored needs none, or the time `until` has come. */
export async function awaitNews(
  workshop: Workshop,
  session: Session,
  { isSettled, until }: { isSettled(): Promise<boolean>; readonly until: number },
): Promise<void> {
  const { clock } = workshop;
  if (clock.now() >= until) return;
  await new Promise<void>((leave) => {
    const stop = () => {
      stopListening();
      clock.clearTimeout(timer);
      leave();
    };
    const stopListening = listen(workshop, session, { isSettled, leave: stop });
    const timer = clock.setTimeout(stop, until - clock.now());
  });
}

/**
 * Leaves when what is stored needs no lock any more: a holder that has stored it and then sleeps, with the lock in its
 * hands, is not waited for. Returns how to stop.
 */
function listen(
  { clock, store }: Workshop,
  session: Session,
  { isSettled, leave }: { isSettled(): Promise<boolean>; leave(): void },
): () => void {
  let unwatch = (): void => {};
  let waits = true;
  const look = async (): Promise<void> => {
    const settled = await isSettled().catch(() => false);
    if (waits && settled) leave();
  };
  const begin = (): void => {
    unwatch = store.watch(session, () => void look());
    void look();
  };
  const timer = clock.setTimeout(begin, noHurry);
  return () => {
    waits = false;
    clock.clearTimeout(timer);
    unwatch();
  };
}
