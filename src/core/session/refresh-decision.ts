/**
 * The decision between the stored tokens and a refresh. Pure. Every decision to spend a refresh token is made here.
 *
 * @module
 */
import { type ConsecutiveFailures, consecutiveFailures } from './failure-history.ts';
import { isSameLogin, type LoginIdentity } from './login-identity.ts';
import { type AccessToken, type Failure, longestPause, type SessionRecord } from './session-record.ts';

/** The required token, and the evidence for a refresh. */
export interface TokenRequirement {
  readonly variant: string;
  /** Login under which the token was first needed. `undefined`: none was known. */
  readonly login?: LoginIdentity | undefined;
  /** The access token of that login that was just rejected. */
  readonly rejectedToken: string | undefined;
  /** `true`: the rejection has just been received, so there is a network. */
  readonly wasReceived?: boolean | undefined;
  /** Time before its expiry at which an access token is no longer used, in ms. */
  readonly refreshBefore: number;
}

/** The facts for the decision. */
export interface RefreshInputs {
  /** The login of the record. */
  readonly login?: LoginIdentity | undefined;
  readonly now: number;
  /** Refresh token that is proven dead, but may still be stored. */
  readonly invalidRefreshToken: string | undefined;
  /** Reuse window that the provider declares, in ms. */
  readonly reuseWindow: number;
  /** `false`: there is no network, and there is no reason to doubt it. */
  readonly online: boolean;
  /** Time until which the sender that left the marker may still wait for the response. `0`: there is no such sender. */
  readonly inProgressUntil: number;
  /** `true`: the grant needs no refresh token. */
  readonly isStateless?: boolean | undefined;
}

/** The decision on a stored record. */
export type RefreshDecision =
  /** Use this stored access token, at most until then. No request is needed. */
  | { readonly kind: 'use-stored'; readonly accessToken: AccessToken; readonly until: number }
  /** No stored token leads to an access token. */
  | { readonly kind: 'login-required'; readonly reason: 'no_refresh_token' | 'invalid_grant' }
  /** The stored session belongs to another login. Its tokens are not used, and its refresh token is not spent. */
  | { readonly kind: 'login-changed' }
  /** This refresh token has failed, and the pause after the failure has not ended. */
  | {
      readonly kind: 'backing-off';
      readonly failure: Failure;
      readonly history: ConsecutiveFailures | undefined;
    }
  /** Another tab, process or machine has sent this refresh token and may still store the response, until then. */
  | {
      readonly kind: 'in-progress-elsewhere';
      readonly until: number;
      readonly history: ConsecutiveFailures | undefined;
    }
  /** This refresh token was sent several times without a response, and the pause after the last time has not ended. */
  | {
      readonly kind: 'response-lost';
      readonly until: number;
      readonly history: ConsecutiveFailures | undefined;
    }
  /**
   * There is evidence: spend the refresh token. `lostResponses` counts the earlier sends without a response. `inReuseWindow`
   * states that the provider allows another send.
   */
  | { readonly kind: 'refresh'; readonly lostResponses: number; readonly inReuseWindow: boolean };

/** First period for which an offline report of the platform is believed, in ms. */
const offlineBelievedFor = 60_000;

/**
 * Checks whether to believe an offline report of the platform. The report may be wrong, so it is not believed after a 401 for
 * this access token, and only for a limited time. A refresh token that is then sent without a response may be spent, so each such
 * send doubles the time.
 */
export function isOfflineBelieved(
  { failure, pendingRefresh }: SessionRecord,
  requirement: TokenRequirement,
  now: number,
): boolean {
  if (requirement.wasReceived === true) return false;
  if (failure?.offline !== true) return true;
  const { sends = 0, latest = 0 } = pendingRefresh ?? {};
  const since = Math.max(failure.since ?? failure.at, latest);
  return Math.abs(now - since) < offlineBelievedFor * 2 ** Math.min(sends, 6);
}

/** Decides for `requirement` on the stored record. No other function decides whether a refresh token may be spent. */
export function reconcile(
  record: SessionRecord,
  requirement: TokenRequirement,
  inputs: RefreshInputs,
): RefreshDecision {
  if (!isSameLogin(requirement.login, inputs.login)) return { kind: 'login-changed' };
  // A grant that is proven dead invalidates its access tokens, even if the storage failed to delete them.
  if (inputs.invalidRefreshToken !== undefined && record.refreshToken === inputs.invalidRefreshToken) {
    return { kind: 'login-required', reason: 'invalid_grant' };
  }
  const accessToken = unlessRejected(record.accessTokens[requirement.variant], requirement.rejectedToken);
  if (accessToken !== undefined && inputs.now < usableUntil(accessToken, requirement.refreshBefore)) {
    return { kind: 'use-stored', accessToken, until: usableUntil(accessToken, requirement.refreshBefore) };
  }
  const decision = decideRefresh(record, requirement, inputs);
  // A token near its expiry is still valid, and is used until there is a newer one (laws only-the-server-ends-it and
  // response-lost).
  const end = accessToken?.expiresAt ?? Number.POSITIVE_INFINITY;
  if (accessToken === undefined || inputs.now >= end) return decision;
  return preferValidToken(accessToken, end, decision);
}

/**
 * Returns the end of the use of an access token: `refreshBefore` its expiry, but never in the last quarter of a short lifetime.
 */
export function usableUntil(accessToken: AccessToken, refreshBefore: number): number {
  const { issuedAt, expiresAt } = accessToken;
  if (expiresAt === undefined) return Number.POSITIVE_INFINITY;
  return expiresAt - Math.min(refreshBefore, Math.max(0, expiresAt - issuedAt) / 4);
}

/** Returns the pause after the n-th consecutive failure, in ms. `random` in [0, 1) spreads the waiting clients. */
export function backoff(count: number, random: number): number {
  const pause = Math.min(60_000, 1_000 * 2 ** Math.min(count - 1, 10));
  return Math.round(pause * (0.5 + random / 2));
}

function unlessRejected(
  accessToken: AccessToken | undefined,
  rejectedToken: string | undefined,
): AccessToken | undefined {
  return accessToken === undefined || accessToken.token === rejectedToken ? undefined : accessToken;
}

function decideRefresh(
  record: SessionRecord,
  requirement: TokenRequirement,
  inputs: RefreshInputs,
): RefreshDecision {
  if (record.refreshToken === undefined && inputs.isStateless !== true) {
    return { kind: 'login-required', reason: 'no_refresh_token' };
  }
  const { pendingRefresh } = record;
  const failure = activeFailure(record, requirement, inputs);
  if (failure !== undefined)
    return { kind: 'backing-off', failure, history: consecutiveFailures(record, failure) };
  if (pendingRefresh === undefined) {
    return { kind: 'refresh', lostResponses: 0, inReuseWindow: false };
  }
  // The token was sent before without a response: the sender ended, or the response was lost. It is never sent again at once, and
  // later only once.
  const elapsed = inputs.now - pendingRefresh.since;
  const inReuseWindow = elapsed >= 0 && elapsed < inputs.reuseWindow;
  if (!inReuseWindow && inputs.now < inputs.inProgressUntil) {
    return {
      kind: 'in-progress-elsewhere',
      until: inputs.inProgressUntil,
      history: consecutiveFailures(record),
    };
  }
  const until = pendingRefresh.latest + (pendingRefresh.sends > 1 ? backoff(pendingRefresh.sends - 1, 1) : 0);
  if (isWithinPause(inputs.now, pendingRefresh.latest, until)) {
    return { kind: 'response-lost', until, history: consecutiveFailures(record) };
  }
  return { kind: 'refresh', lostResponses: pendingRefresh.sends, inReuseWindow };
}

function preferValidToken(accessToken: AccessToken, end: number, decision: RefreshDecision): RefreshDecision {
  switch (decision.kind) {
    case 'backing-off':
      return { kind: 'use-stored', accessToken, until: Math.min(end, decision.failure.until) };
    case 'refresh':
      // Law response-lost: a token that may be spent is not sent while an access token is still valid. The exception is a
      // declared reuse window, in which an early attempt has the best chance.
      return decision.lostResponses > 0 && !decision.inReuseWindow
        ? { kind: 'use-stored', accessToken, until: end }
        : decision;
    default:
      return { kind: 'use-stored', accessToken, until: end };
  }
}

/** Returns the failure whose pause still prevents a request. */
function activeFailure(
  { failure, variantFailures, pendingRefresh }: SessionRecord,
  { variant }: TokenRequirement,
  inputs: RefreshInputs,
): Failure | undefined {
  // A refresh token that was sent after the failure makes the failure obsolete.
  const isLatest =
    failure !== undefined && !(pendingRefresh !== undefined && pendingRefresh.latest > failure.at);
  if (isLatest && isActive(failure, inputs)) return failure;
  const own = variantFailures?.[variant];
  return own !== undefined && isActive(own, inputs) ? own : undefined;
}

function isActive(failure: Failure, inputs: RefreshInputs): boolean {
  // The network is available again. A failure without a network does not concern the server.
  if (failure.offline === true && inputs.online) return false;
  return isWithinPause(inputs.now, failure.at, failure.until);
}

/** Checks whether the clock is within a pause, between its start and its end. */
function isWithinPause(now: number, from: number, until: number): boolean {
  return now >= from && now < Math.min(until, from + longestPause);
}
