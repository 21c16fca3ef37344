/**
 * Follows changes of a session by other managers, tabs, processes or machines.
 *
 * @module
 */

import { usableUntil } from '../core/session/refresh-decision.ts';
import { wholeGrant } from '../core/session/session-record.ts';
import type { ManagerContext } from './manager-context.ts';
import type { Session } from './session.ts';
import { SessionReading } from './session-reading.ts';

/**
 * Reads the stored record after a change. Adopts a newer access token. Ends the session here if it was ended elsewhere. Starts no
 * refresh and sends no request.
 */
export async function syncFromStorage(context: ManagerContext, session: Session): Promise<void> {
  const { store, emit, refreshBefore } = context;
  // The change may be our own write. A login in this process is newer than any record that it replaces.
  if (session.isStoring) return;
  // A refresh in this process reads the storage itself, until it has settled.
  if (session.pending.flights.length > 0) {
    return await session.pending.afterFlights(() => syncFromStorage(context, session));
  }
  const sync = session.beginSync();
  const reading = new SessionReading(context, session, emit);
  const { before } = sync;
  // An unreadable or foreign record does not show the state of the session.
  const found = await store.readOrReject(session, emit).catch(() => undefined);
  if (found === undefined || found.kind === 'rejected') return;
  // Neither does a record whose key cannot be read. The next call reports that.
  const isRead =
    found.kind === 'none' ||
    (await reading.take(found).then(
      () => true,
      () => false,
    ));
  if (!isRead || session.pending.flights.length > 0) return;
  // During the read, this process may have changed the session. That change is newer than the record that was read.
  if (!sync.isCurrent()) return;
  if (found.kind === 'none') return void reading.endIfSignedOut();
  const { record } = found;
  const accessToken = record.accessTokens[wholeGrant];
  // A manager that was not used yet adopts only the tokens of a login.
  const isNew =
    session.isSignedOut || (session.login !== undefined && session.login.login !== reading.login?.login);
  if (accessToken === undefined || (before === undefined && !isNew) || session.hasEnded(record)) return;
  if (before?.token !== accessToken.token) session.clearCache();
  const until = usableUntil(accessToken, refreshBefore);
  reading.adoptToken(wholeGrant, { accessToken, until }, before?.token);
  reading.notifyRefreshTokenExpiry(record, until);
}
