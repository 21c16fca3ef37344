/**
 * Telling ahead that a refresh token will end.
 *
 * @module
 */
import type { AnyTokenEvent } from '../core/events.ts';
import type { LoginIdentity } from '../core/login-identity.ts';
import type { SessionRecord } from '../core/session-record.ts';
import type { Session } from './session.ts';
import type { FullClock } from './waiting.ts';

/** The session and login of the refresh token, and the function that emits the event. */
interface Telling {
  readonly session: Session;
  readonly login?: LoginIdentity | undefined;
  readonly tell: (event: AnyTokenEvent) => void;
}

/**
 * Tells that the refresh token is about to end, once for each end. Without a timer: whenever tokens are taken into memory, and
 * then for as long as nobody will come by, which is until `until`.
 */
export function foretell(
  { clock, expiringBefore }: { readonly clock: FullClock; readonly expiringBefore: number },
  { session, login, tell }: Telling,
  { refreshTokenEnd: end }: SessionRecord,
  until: number,
): void {
  if (end === undefined || session.foretold === end.at) return;
  const from = end.at - Math.min(expiringBefore, Math.max(0, end.at - end.since) / 4);
  const next = Math.max(clock.now(), Number.isFinite(until) ? until : 0);
  if (next < from) return;
  session.foretold = end.at;
  tell({ type: 'refreshTokenExpiring', ...session.about(login), expiresAt: end.at });
}
