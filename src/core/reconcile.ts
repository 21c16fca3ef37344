/**
 * What to do for someone who needs an access token, decided from what is stored. Pure: the heart of the promise.
 *
 * @module
 */
import { type History, historyOf } from './failure-history.ts';
import { isSameLogin, type LoginIdentity } from './login-identity.ts';
import { type AccessToken, type Failure, longestPause, type SessionRecord } from './session-record.ts';

/** What is needed, and the evidence that comes with it. */
export interface Need {
  readonly variant: string;
  /** The login under which the need arose. `undefined`: none was known. */
  readonly login?: LoginIdentity | undefined;
  /** The access token of that login that was just rejected. */
  readonly otherThan: string | undefined;
  /** `true`: its rejection has just been received, so there is a network. */
  readonly wasReceived?: boolean | undefined;
  /** How long before its end an access token is no longer handed out, in ms. */
  readonly refreshBefore: number;
}

/** What is known when the decision is made. */
export interface Knowledge {
  /** The login of the record. */
  readonly login?: LoginIdentity | undefined;
  readonly now: number;
  /** A refresh token that is proven dead, should it still be stored. */
  readonly dead: string | undefined;
  /** The reuse window that the provider declares, in ms. */
  readonly reuseWindow: number;
  /** `false`: there is no network, and there is no reason to doubt it. */
  readonly online: boolean;
  /** Until when whoever left the mark may live and still wait for the answer; `0`: nobody does. */
  readonly awaitedUntil: number;
  /** `true`: an access token can be had without a refresh token. */
  readonly mints?: boolean | undefined;
}

/** The decision. */
export type Verdict =
  /** Use this stored access token, until then at most. No network. */
  | { readonly kind: 'adopt'; readonly accessToken: AccessToken; readonly until: number }
  /** Nothing that is stored can become an access token. */
  | { readonly kind: 'login'; readonly reason: 'no_refresh_token' | 'invalid_grant' }
  /** The stored session belongs to another login. Its tokens are not used, and its refresh token is not spent. */
  | { readonly kind: 'login-changed' }
  /** This refresh token failed a moment ago. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly history: History | undefined }
  /** Another tab, process or machine has sent this refresh token and may still store the response, until then. */
  | { readonly kind: 'awaited'; readonly until: number; readonly history: History | undefined }
  /** This refresh token was sent several times without an answer, the last time a moment ago. */
  | { readonly kind: 'unanswered'; readonly until: number; readonly history: History | undefined }
  /**
   * There is evidence: spend the refresh token. `unanswered` counts the sends before that had no answer,
   * `inWindow` says that the provider lets it be sent again.
   */
  | { readonly kind: 'spend'; readonly unanswered: number; readonly inWindow: boolean };

/** How long the platform is believed at first that there is no network, in ms. */
const offlineBelieved = 60_000;

/**
 * Checks whether to believe the platform that there is no network. The platform may be wrong, so it is not believed after a 401 for
 * this access token, and only for a limited time. A refresh token that is sent then without an answer may be spent, so each such
 * send doubles the time.
 */
export function isOfflineBelieved({ failure, spending }: SessionRecord, need: Need, now: number): boolean {
  if (need.wasReceived === true) return false;
  if (failure?.offline !== true) return true;
  const { sends = 0, latest = 0 } = spending ?? {};
  const since = Math.max(failure.since ?? failure.at, latest);
  return Math.abs(now - since) < offlineBelieved * 2 ** Math.min(sends, 6);
}

/** Decides for `need` on what is stored. The only place that says whether a refresh token may be spent. */
export function reconcile(record: SessionRecord, need: Need, known: Knowledge): Verdict {
  if (!isSameLogin(need.login, known.login)) return { kind: 'login-changed' };
  // A grant that is proven dead takes its access tokens with it, also where the storage failed to delete them.
  if (known.dead !== undefined && record.refreshToken === known.dead) {
    return { kind: 'login', reason: 'invalid_grant' };
  }
  const accessToken = acceptable(record.accessTokens[need.variant], need.otherThan);
  if (accessToken !== undefined && known.now < handedOutUntil(accessToken, need.refreshBefore)) {
    return { kind: 'adopt', accessToken, until: handedOutUntil(accessToken, need.refreshBefore) };
  }
  const verdict = spendOrNot(record, need, known);
  // Near its end is not over: what is still valid serves until there is something better (law 4, law 5).
  const end = accessToken?.expiresAt ?? Number.POSITIVE_INFINITY;
  if (accessToken === undefined || known.now >= end) return verdict;
  return stillValid(accessToken, end, verdict);
}

/** Until when an access token is handed out: `refreshBefore` its end, but never for the last quarter of a short life. */
export function handedOutUntil(accessToken: AccessToken, refreshBefore: number): number {
  const { issuedAt, expiresAt } = accessToken;
  if (expiresAt === undefined) return Number.POSITIVE_INFINITY;
  return expiresAt - Math.min(refreshBefore, Math.max(0, expiresAt - issuedAt) / 4);
}

/** How long to pause after the n-th failure in a row, in ms. `random` in [0, 1) spreads those who wait. */
export function backoff(count: number, random: number): number {
  const pause = Math.min(60_000, 1_000 * 2 ** Math.min(count - 1, 10));
  return Math.round(pause * (0.5 + random / 2));
}

function acceptable(
  accessToken: AccessToken | undefined,
  otherThan: string | undefined,
): AccessToken | undefined {
  return accessToken === undefined || accessToken.token === otherThan ? undefined : accessToken;
}

function spendOrNot(record: SessionRecord, need: Need, known: Knowledge): Verdict {
  if (record.refreshToken === undefined && known.mints !== true) {
    return { kind: 'login', reason: 'no_refresh_token' };
  }
  const { spending } = record;
  const failure = remembered(record, need, known);
  if (failure !== undefined) return { kind: 'failed', failure, history: historyOf(record, failure) };
  if (spending === undefined) {
    return { kind: 'spend', unanswered: 0, inWindow: false };
  }
  // Sent before, and no answer: the spender died, or nobody heard the answer. Never again at once, and again.
  const elapsed = known.now - spending.since;
  const inWindow = elapsed >= 0 && elapsed < known.reuseWindow;
  if (!inWindow && known.now < known.awaitedUntil) {
    return { kind: 'awaited', until: known.awaitedUntil, history: historyOf(record) };
  }
  const until = spending.latest + (spending.sends > 1 ? backoff(spending.sends - 1, 1) : 0);
  if (inPause(known.now, spending.latest, until)) {
    return { kind: 'unanswered', until, history: historyOf(record) };
  }
  return { kind: 'spend', unanswered: spending.sends, inWindow };
}

function stillValid(accessToken: AccessToken, end: number, verdict: Verdict): Verdict {
  switch (verdict.kind) {
    case 'failed':
      return { kind: 'adopt', accessToken, until: Math.min(end, verdict.failure.until) };
    case 'spend':
      // Law 5: what may be spent already is not sent while there is an access token to live on, unless the
      // provider declares that it may be sent again for a while: then the sooner, the better.
      return verdict.unanswered > 0 && !verdict.inWindow
        ? { kind: 'adopt', accessToken, until: end }
        : verdict;
    default:
      return { kind: 'adopt', accessToken, until: end };
  }
}

/** The failure that still stands between a need and the server. */
function remembered(
  { failure, variantFailures, spending }: SessionRecord,
  { variant }: Need,
  known: Knowledge,
): Failure | undefined {
  // A refresh token that was sent after the failure makes the failure obsolete.
  const isLatest = failure !== undefined && !(spending !== undefined && spending.latest > failure.at);
  if (isLatest && isInForce(failure, known)) return failure;
  const own = variantFailures?.[variant];
  return own !== undefined && isInForce(own, known) ? own : undefined;
}

function isInForce(failure: Failure, known: Knowledge): boolean {
  // The network is back, and whatever failed without it says nothing about the server.
  if (failure.offline === true && known.online) return false;
  return inPause(known.now, failure.at, failure.until);
}

/** A pause counts only for a clock that stands between its start and its end. */
function inPause(now: number, from: number, until: number): boolean {
  return now >= from && now < Math.min(until, from + longestPause);
}
