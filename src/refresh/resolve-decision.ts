/**
 * What a decision is for whoever needs an access token: one, or the error that says why not.
 *
 * @module
 */
import type { RefreshDecision } from '../core/session/refresh-decision.ts';
import type { AccessToken } from '../core/session/session-record.ts';
import type { ManagerContext } from '../session/manager-context.ts';
import type { CachedToken } from '../session/session.ts';
import { loginRequired, refreshFailed, responseLost } from '../session/session-errors.ts';
import { cacheToken, type RefreshAttempt, switchLogin } from './refresh-attempt.ts';

/** What was decided on what is stored, if there is anything. */
export type Decision = RefreshDecision | { readonly kind: 'none' | 'not-created' };

/** Somebody else's refresh may still be under way. */
export type InProgressElsewhere = Extract<RefreshDecision, { readonly kind: 'in-progress-elsewhere' }>;

/** An unanswered refresh may be someone's who holds the lock and still waits for the answer. */
export const needsLock = ({ kind }: Decision): boolean =>
  ['refresh', 'in-progress-elsewhere', 'response-lost', 'not-created'].includes(kind);

/** @throws what is told to all who wait, if there is no access token. */
export function resolveDecision(
  context: ManagerContext,
  attempt: RefreshAttempt,
  decision: Decision,
): CachedToken {
  const { session, requirement } = attempt;
  const now = context.clock.now();
  switch (decision.kind) {
    case 'use-stored':
      return adopt(context, attempt, decision, session.cachedToken(requirement.variant)?.token);
    case 'login-changed':
      throw loginRequired('login_changed');
    case 'backing-off':
      throw refreshFailed(decision.failure, now, {
        history: decision.history,
        cause: attempt.cause ?? context.server.configurationError,
      });
    case 'in-progress-elsewhere':
    case 'response-lost':
      throw responseLost(decision.until - now, decision.history);
    case 'login-required':
      throw session.ended?.error ?? loginRequired(decision.reason);
    default:
      throw noSession(attempt);
  }
}

/**
 * Takes over an access token that someone else has got, and tells of it: of a refresh, or of a login where nobody was signed in.
 *
 * @param before the one that was in memory.
 */
export function adopt(
  context: ManagerContext,
  attempt: RefreshAttempt,
  { accessToken, until }: { readonly accessToken: AccessToken; readonly until: number },
  before: string | undefined,
): CachedToken {
  const { session, login } = attempt;
  const { isSignedOut: wasSignedOut } = session;
  const isCurrent = session.epoch === attempt.epoch;
  const isOtherLogin = switchLogin(attempt);
  const cached = cacheToken(context, attempt, accessToken, until);
  // No event is emitted about a login that is no longer current.
  if (isOtherLogin || !isCurrent) return cached;
  if (wasSignedOut) attempt.emit({ type: 'signedIn', ...session.eventContext(login), where: 'elsewhere' });
  else if (before !== undefined && before !== cached.token) {
    attempt.emit({ type: 'adopted', ...session.eventContext(login), expiresAt: accessToken.expiresAt });
  }
  return cached;
}

/** Nothing is stored. If there were tokens here before, someone else has signed out. */
export function noSession({ session, epoch, emit }: RefreshAttempt): Error {
  if (session.ended !== undefined) return session.ended.error;
  if (!session.hasSeenTokens || session.epoch !== epoch) return loginRequired('no_tokens');
  emit({ type: 'signedOut', ...session.eventContext(), where: 'elsewhere' });
  const error = loginRequired('signed_out');
  session.markEnded(error);
  return error;
}
