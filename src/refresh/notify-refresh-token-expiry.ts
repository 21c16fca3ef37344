/**
 * Notifies of a refresh token that is about to expire.
 *
 * @module
 */

import type { RequiredClock } from '../async/abortable.ts';
import type { AnyTokenEvent } from '../core/events.ts';
import type { LoginIdentity } from '../core/session/login-identity.ts';
import type { SessionRecord } from '../core/session/session-record.ts';
import type { Session } from '../session/session.ts';

/** The session and login of the refresh token, and the function that emits the event. */
interface ExpiryNotice {
  readonly session: Session;
  readonly login?: LoginIdentity | undefined;
  readonly emit: (event: AnyTokenEvent) => void;
}

/**
 * Emits that the refresh token is about to expire, once for each expiry. Without a timer: whenever tokens are taken into memory, and
 * then for as long as nobody will come by, which is until `until`.
 */
export function notifyRefreshTokenExpiry(
  {
    clock,
    refreshTokenExpiringBefore,
  }: { readonly clock: RequiredClock; readonly refreshTokenExpiringBefore: number },
  { session, login, emit }: ExpiryNotice,
  { refreshTokenEnd: end }: SessionRecord,
  until: number,
): void {
  if (end === undefined) return;
  const from = end.at - Math.min(refreshTokenExpiringBefore, Math.max(0, end.at - end.since) / 4);
  const next = Math.max(clock.now(), Number.isFinite(until) ? until : 0);
  if (next < from || !session.noteExpiry(end.at)) return;
  emit({ type: 'refreshTokenExpiring', ...session.eventContext(login), expiresAt: end.at });
}
