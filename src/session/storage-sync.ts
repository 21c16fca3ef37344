/**
 * Follows what others do to a session: another manager, tab, process or machine.
 *
 * @module
 */

import { usableUntil } from '../core/session/refresh-decision.ts';
import { wholeGrant } from '../core/session/session-record.ts';
import type { ManagerContext } from './manager-context.ts';
import type { Session } from './session.ts';
import { SessionReading } from './session-reading.ts';

/**
 * Looks at what is stored after it has changed: takes a newer access token over, and ends the session here if it was
 * ended there. Starts no refresh and sends nothing.
 */
export async function syncFromStorage(context: ManagerContext, session: Session): Promise<void> {
  const { store, emit, refreshBefore } = context;
  // Our own write is no news, and a login here is newer than any record that it replaces.
  if (session.isStoring) return;
  // A refresh in this process looks for itself, but not any more when it has landed.
  if (session.pending.flights.length > 0) {
    return await session.pending.afterFlights(() => syncFromStorage(context, session));
  }
  const sync = session.beginSync();
  const reading = new SessionReading(context, session, emit);
  const { before } = sync;
  // An unreadable or foreign record says nothing about the session.
  const found = await store.readOrReject(session, emit).catch(() => undefined);
  if (found === undefined || found.kind === 'rejected') return;
  // Nor does one whose key cannot be read: the next call reports it.
  const isRead =
    found.kind === 'none' ||
    (await reading.take(found).then(
      () => true,
      () => false,
    ));
  if (!isRead || session.pending.flights.length > 0) return;
  // A change here meanwhile is newer than the record that was read.
  if (!sync.isCurrent()) return;
  if (found.kind === 'none') return void reading.endIfSignedOut();
  const { record } = found;
  const accessToken = record.accessTokens[wholeGrant];
  // A manager that was not used yet adopts nothing, except the tokens of a login.
  const isNew =
    session.isSignedOut || (session.login !== undefined && session.login.login !== reading.login?.login);
  if (accessToken === undefined || (before === undefined && !isNew) || session.hasEnded(record)) return;
  if (before?.token !== accessToken.token) session.clearCache();
  const until = usableUntil(accessToken, refreshBefore);
  reading.adoptToken(wholeGrant, { accessToken, until }, before?.token);
  reading.notifyRefreshTokenExpiry(record, until);
}
