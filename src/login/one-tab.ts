/**
 * One exchange for a response that several tabs have: duplicating a tab copies its URL and its `sessionStorage`. A server that
 * receives a code twice revokes the tokens that it issued for it (RFC 6749 §4.1.2).
 *
 * @module
 */
import { deadline, type RequiredClock, withTimeout } from '../async/abortable.ts';

/** The part of Web Locks that is used. */
interface WebLocks {
  request<T>(
    name: string,
    options: { readonly ifAvailable?: true; readonly signal?: AbortSignal },
    run: (lock: unknown) => Promise<T>,
  ): Promise<T>;
}

export type OneTabResult<T> =
  | { readonly kind: 'ran'; readonly result: T }
  | { readonly kind: 'used-elsewhere' };

/** Time limit for Web Locks to report whether a lock is free, in ms. The platform may never respond. */
const lockAnswerTimeoutMs = 1_000;

/**
 * Runs `use` in one tab at a time for each `state`. If another tab is using it, waits until that has ended, for at most `timeout` ms.
 * Without Web Locks, or if they fail or do not respond, it runs at once: then only tabs that share `pending` exclude each other.
 *
 * @returns `used-elsewhere` if another tab used the response meanwhile.
 */
export async function runInOneTab<T>(
  state: string | null,
  limit: { readonly clock: RequiredClock; readonly timeout: number },
  use: () => Promise<T>,
): Promise<OneTabResult<T>> {
  const { locks } = (globalThis.navigator ?? {}) as { readonly locks?: WebLocks };
  // A state that tokenkeep cannot have created belongs to no login, so it gets no lock.
  const isState = /^[\w-]{1,100}$/.test(state ?? '');
  if (!('document' in globalThis) || locks === undefined || !isState)
    return { kind: 'ran', result: await use() };
  const name = `tokenkeep.login.${state}`;
  let running: Promise<OneTabResult<T>> | undefined;
  const run = (isFree: boolean): Promise<OneTabResult<T>> => {
    running ??= isFree
      ? use().then((result) => ({ kind: 'ran', result }))
      : waitForRelease(locks, name, limit).then(() => ({ kind: 'used-elsewhere' }));
    return running;
  };
  const lockAnswered = new Promise<void>((resolve) => {
    const request = locks.request(name, { ifAvailable: true }, async (lock) => {
      resolve();
      await run(lock !== null).catch(() => undefined);
    });
    request.catch(() => resolve());
  });
  await withTimeout({ clock: limit.clock, timeout: lockAnswerTimeoutMs }, () => lockAnswered).catch(
    () => undefined,
  );
  return await run(true);
}

async function waitForRelease(
  locks: WebLocks,
  name: string,
  { clock, timeout }: { readonly clock: RequiredClock; readonly timeout: number },
): Promise<void> {
  const late = deadline(clock, timeout, () => undefined);
  const granted = locks.request(name, { signal: late.signal }, async () => undefined);
  await granted.catch(() => undefined).finally(late.clear); // a stopped tab does not block the others
}
