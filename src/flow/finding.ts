/**
 * Step 3: what there is of a session, wherever it is.
 *
 * @module
 */
import { randomId } from '../platform/web-crypto.ts';
import type { Attempt, Workshop } from './attempt.ts';
import type { Found } from './fate.ts';

/** Finds the record of a session. `'unbegun'`: there is none, and it takes no login to begin. */
export async function find(
  { grant, store }: Workshop,
  { session, tell }: Attempt,
): Promise<Found | 'unbegun' | undefined> {
  const { begin, mints = false } = grant;
  while (session.arriving !== undefined) await session.arriving.catch(() => undefined);
  const { gone } = session;
  if (gone?.final === true && !mints) {
    // The user has signed out, but the record was not deleted. Only a later login made elsewhere makes the session valid again.
    if (gone.login === undefined) return undefined;
    const stored = await store.read(session, tell).catch(() => undefined);
    // The record may have been deleted since it was read.
    return stored === undefined || session.gone !== gone || session.isOver(stored.record)
      ? undefined
      : stored;
  }
  // A successor that the storage refused is newer than whatever it holds.
  const { unsaved } = session;
  if (unsaved !== undefined) return { record: unsaved.record, version: unsaved.ifVersion };
  // What was there and is gone was signed out of, and nobody has to be asked: a login begins the next one.
  const hasEnded = !mints && (session.known || session.gone !== undefined);
  const found = await store.read(session, tell);
  if (found !== undefined) return found;
  if (begin !== undefined && !hasEnded) return 'unbegun';
  session.vacant = true;
  return undefined;
}

/**
 * The same under the lock, where a session that takes no login begins: not while a refresh is under way that somebody has signed
 * out of, or its tokens would be taken for those of the new one (law 6).
 */
export async function findOrBegin(workshop: Workshop, attempt: Attempt): Promise<Found | undefined> {
  const found = await find(workshop, attempt);
  if (found !== 'unbegun') return found;
  const { grant, store, clock, dpop, server } = workshop;
  const { begin, mints } = grant;
  // Nobody logs in, so the key is made here.
  const first = async () => ({
    accessTokens: {},
    issuer: server.issuers[0],
    ...begin?.(clock.now()),
    ...(mints
      ? await store.bounded('write', async () => await dpop?.begin())
      : { login: randomId().slice(0, 8) }),
  });
  return await store.begin(attempt.session, first, attempt.tell);
}
