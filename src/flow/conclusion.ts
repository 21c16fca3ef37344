/**
 * What a decision is for whoever needs an access token: one, or the error that says why not.
 *
 * @module
 */
import type { Verdict } from '../core/reconcile.ts';
import type { AccessToken } from '../core/session-record.ts';
import { type Attempt, enter, hold, type Workshop } from './attempt.ts';
import { loginRequired, refreshFailed, unanswered } from './refusal.ts';
import type { Held } from './session.ts';

/** What was decided on what is stored, if there is anything. */
export type Decision = Verdict | { readonly kind: 'none' | 'unbegun' };

/** Somebody else's refresh may still be under way. */
export type Awaited = Extract<Verdict, { readonly kind: 'awaited' }>;

/** An unanswered refresh may be someone's who holds the lock and still waits for the answer. */
export const needsLock = ({ kind }: Decision): boolean =>
  ['spend', 'awaited', 'unanswered', 'unbegun'].includes(kind);

/** @throws what is told to all who wait, if there is no access token. */
export function conclude(workshop: Workshop, attempt: Attempt, decision: Decision): Held {
  const { session, want } = attempt;
  const now = workshop.clock.now();
  switch (decision.kind) {
    case 'adopt':
      return adopt(workshop, attempt, decision, session.held(want.variant)?.token);
    case 'login-changed':
      throw loginRequired('login_changed');
    case 'failed':
      throw refreshFailed(decision.failure, now, {
        history: decision.history,
        cause: attempt.cause ?? workshop.server.unusable,
      });
    case 'awaited':
    case 'unanswered':
      throw unanswered(decision.until - now, decision.history);
    case 'login':
      throw session.gone?.error ?? loginRequired(decision.reason);
    default:
      throw nobody(attempt);
  }
}

/**
 * Takes over an access token that someone else has got, and tells of it: of a refresh, or of a login where nobody was signed in.
 *
 * @param before the one that was in memory.
 */
export function adopt(
  workshop: Workshop,
  attempt: Attempt,
  { accessToken, until }: { readonly accessToken: AccessToken; readonly until: number },
  before: string | undefined,
): Held {
  const { session, login } = attempt;
  const { isOut } = session;
  const isCurrent = session.epoch === attempt.epoch;
  const isAnother = enter(attempt);
  const held = hold(workshop, attempt, accessToken, until);
  // No event is emitted about a login that is no longer current.
  if (isAnother || !isCurrent) return held;
  if (isOut) attempt.tell({ type: 'signedIn', ...session.about(login), where: 'elsewhere' });
  else if (before !== undefined && before !== held.token) {
    attempt.tell({ type: 'adopted', ...session.about(login), expiresAt: accessToken.expiresAt });
  }
  return held;
}

/** Nothing is stored. If there were tokens here before, someone else has signed out. */
export function nobody({ session, epoch, tell }: Attempt): Error {
  if (session.gone !== undefined) return session.gone.error;
  if (!session.known || session.epoch !== epoch) return loginRequired('no_tokens');
  tell({ type: 'signedOut', ...session.about(), where: 'elsewhere' });
  const error = loginRequired('signed_out');
  session.leave({ error, final: false });
  return error;
}
