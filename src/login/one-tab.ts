/**
 * One exchange for an answer that several tabs have: a tab that is duplicated takes its URL and its `sessionStorage` along. A server
 * that sees a code twice revokes the tokens that it gave for it (RFC 6749 §4.1.2).
 *
 * @module
 */
import { deadline, type FullClock } from '../flow/waiting.ts';

/** The part of Web Locks that is used. */
interface Locks {
  request<T>(
    name: string,
    options: { readonly ifAvailable?: true; readonly signal?: AbortSignal },
    run: (lock: unknown) => Promise<T>,
  ): Promise<T>;
}

/**
 * Runs `use` in one tab at a time for each `state`. Where another tab is at it, waits until that has ended, for at most `timeout` ms.
 *
 * @returns `'elsewhere'` when another tab used the answer meanwhile.
 */
export async function inOneTab<T>(
  state: string | null,
  limit: { readonly clock: FullClock; readonly timeout: number },
  use: () => Promise<T>,
): Promise<T | 'elsewhere'> {
  const { locks } = (globalThis.navigator ?? {}) as { readonly locks?: Locks };
  if (!('document' in globalThis) || locks === undefined || state === null) return await use();
  const name = `tokenkeep.login.${state}`;
  const used = await locks.request(name, { ifAvailable: true }, async (lock) =>
    lock === null ? 'elsewhere' : await use(),
  );
  if (used === 'elsewhere') await released(locks, name, limit);
  return used;
}

async function released(
  locks: Locks,
  name: string,
  { clock, timeout }: { readonly clock: FullClock; readonly timeout: number },
): Promise<void> {
  const late = deadline(clock, timeout, () => undefined);
  const granted = locks.request(name, { signal: late.signal }, async () => undefined);
  await granted.catch(() => undefined).finally(late.clear); // a tab that has stopped is not waited for
}
