/**
 * Follows what others do to a session: another manager, tab, process or machine.
 *
 * @module
 */

import { loginIdentityOf } from '../core/session/login-identity.ts';
import { usableUntil } from '../core/session/refresh-decision.ts';
import { wholeGrant } from '../core/session/session-record.ts';
import { notifyRefreshTokenExpiry } from '../refresh/notify-refresh-token-expiry.ts';
import type { RefreshAttempt } from '../refresh/refresh-attempt.ts';
import { adopt, noSession } from '../refresh/resolve-decision.ts';
import { keyOfSession } from './dpop-session.ts';
import type { ManagerContext } from './manager-context.ts';
import type { Session } from './session.ts';

/**
 * Looks at what is stored after it has changed: takes a newer access token over, and ends the session here if it was
 * ended there. Starts no refresh and sends nothing.
 */
export async function syncFromStorage(context: ManagerContext, session: Session): Promise<void> {
  const { store, emit, refreshBefore } = context;
  // What we write ourselves is no news, and a login here is newer than whatever it replaces.
  if (session.isStoring) return;
  // A refresh in this process looks for itself, but not any more when it has landed.
  if (session.flights.length > 0) {
    return await session.syncAfterFlights(() => syncFromStorage(context, session));
  }
  const sync = session.beginSync();
  const { before } = sync;
  // What cannot be read, or is not ours, says nothing about the session.
  const found = await store.readOrReject(session, emit).catch(() => undefined);
  if (found === undefined || found.kind === 'rejected') return;
  // Nor does one whose key cannot be read: who asks next hears of it.
  const dpopKey =
    found.kind === 'record' ? await keyOfSession(context, session, found, emit).catch(() => null) : undefined;
  if (dpopKey === null || session.flights.length > 0) return;
  // What has happened here meanwhile is newer than what was read.
  if (!sync.isCurrent()) return;
  const { epoch } = session;
  const requirement = {
    variant: wholeGrant,
    rejectedToken: undefined,
    refreshBefore,
    scope: undefined,
    resource: undefined,
  };
  const login = found.kind === 'record' ? loginIdentityOf(found.record) : undefined;
  const attempt: RefreshAttempt = {
    session,
    initialLogin: login,
    login,
    epoch,
    dpopKey,
    emit,
    orphanedTokens: undefined,
    requirement,
  };
  if (found.kind === 'none') return void noSession(attempt);
  const { record } = found;
  const accessToken = record.accessTokens[wholeGrant];
  // Who has asked for nothing yet takes nothing over, but for the tokens of a login.
  const isNew = session.isSignedOut || (session.login !== undefined && session.login.login !== login?.login);
  if (accessToken === undefined || (before === undefined && !isNew)) return;
  if (session.hasEnded(record)) return;
  if (before?.token !== accessToken.token) session.clearCache();
  const until = usableUntil(accessToken, refreshBefore);
  adopt(context, attempt, { accessToken, until }, before?.token);
  notifyRefreshTokenExpiry(context, attempt, record, until);
}
