/**
 * Step 3: what there is of a session, wherever it is.
 *
 * @module
 */
import type { Attempt, Workshop } from './attempt.ts';
import type { Found } from './fate.ts';

/** Finds the record of a session; one that needs no login begins when nothing is found. */
export async function find(workshop: Workshop, { session, tell }: Attempt): Promise<Found | undefined> {
  const { grant, store, clock, dpop } = workshop;
  const { begin, mints = false } = grant;
  while (session.arriving !== undefined) await session.arriving.catch(() => undefined);
  if (session.gone?.final === true && !mints) return undefined;
  // A successor that the storage refused is newer than whatever it holds.
  const { unsaved } = session;
  if (unsaved !== undefined) return { record: unsaved.record, version: unsaved.ifVersion };
  // What was there and is gone was signed out of, and nobody has to be asked: a login begins the next one.
  const hasEnded = !mints && (session.known || session.gone !== undefined);
  if (begin === undefined || hasEnded) return await store.read(session, tell);
  // Nobody logs in, so the key is made here.
  const first = async () => ({ ...begin(clock.now()), ...(mints && (await dpop?.begin())) });
  return await store.begin(session, first, tell);
}
