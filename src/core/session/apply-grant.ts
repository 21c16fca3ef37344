/**
 * The record of a session after tokens arrive.
 *
 * @module
 */

import { fingerprint } from '../fingerprint.ts';
import type { TokenGrant } from '../oauth/token-grant.ts';
import { emptyObject, ownCopy } from '../own-members.ts';
import {
  type AccessToken,
  type ExpectedExpiry,
  type PendingRefresh,
  type SessionRecord,
  wholeGrant,
} from './session-record.ts';

/** The circumstances of a grant. */
export interface GrantContext {
  readonly variant: string;
  /** Requested scope, if it was named. */
  readonly scope: readonly string[] | undefined;
  /** Time at which the request was sent, in Unix ms. Lifetimes count from here, so they end too early rather than too late. */
  readonly sentAt: number;
  /** Issuer of the tokens. `undefined`: the authorization server is not known yet. */
  readonly issuer: string | undefined;
  /** `false`: the access token is of a type that cannot be sent. The refresh token is kept anyway. */
  readonly usable: boolean;
  /** `narrowsScope` of the provider profile. */
  readonly narrowsScope?: boolean | undefined;
  /** `refreshTokenLifetime` of the provider profile, in ms. */
  readonly refreshTokenLifetime?: number | undefined;
}

/** Returns the first record of a session. */
export function createRecord(
  clientId: string,
  grant: TokenGrant,
  context: GrantContext & Pick<SessionRecord, 'login' | 'subject' | 'thumbprint'>,
): SessionRecord {
  const scope = grant.scope ?? context.scope;
  const { login, subject, thumbprint } = context;
  return applyGrant(
    ownCopy({ schema: 1, clientId, login, subject, thumbprint, scope, accessTokens: {} }),
    grant,
    context,
  );
}

/**
 * Returns the record after a grant: the new refresh token, or the old one if none was returned (RFC 6749 §6), the new
 * access token beside those of other variants, and everything else that the server sent.
 */
export function applyGrant(record: SessionRecord, grant: TokenGrant, context: GrantContext): SessionRecord {
  const { [context.variant]: _old, ...others } = record.accessTokens;
  const rotated = grant.refreshToken !== undefined && grant.refreshToken !== record.refreshToken;
  const { [context.variant]: _past, ...variantFailures } = record.variantFailures ?? {};
  const isWhole = context.variant === wholeGrant;
  const isNarrower = !isWhole && context.scope !== undefined;
  return withChanges(record, {
    // Markers of earlier refreshes concern the previous refresh token.
    pendingRefresh: undefined,
    failure: undefined,
    scope: isWhole && isPermanentlyNarrowed(record) ? grant.scope : record.scope,
    issuer: context.issuer,
    refreshToken: grant.refreshToken ?? record.refreshToken,
    refreshTokenExpiresAt: refreshTokenExpiry(record, grant, context, rotated),
    refreshTokenEnd: expectedExpiry(record, grant, context, rotated),
    lastScopeNarrowed: isWhole ? undefined : record.lastScopeNarrowed || isNarrower || undefined,
    narrowsScope: record.narrowsScope || (isNarrower && context.narrowsScope) || undefined,
    variantFailures: Object.keys(variantFailures).length > 0 ? variantFailures : undefined,
    idToken: grant.idToken ?? record.idToken,
    extra: mergeExtra(record.extra, grant.extra),
    accessTokens: context.usable
      ? { ...others, [context.variant]: accessTokenOf(record, grant, context) }
      : others,
  });
}

/** Returns a copy of a record with its own members only and with the given changes. */
export function withChanges(record: SessionRecord, changes: Partial<SessionRecord>): SessionRecord {
  return Object.assign(Object.create(null) as SessionRecord, record, changes);
}

/**
 * Limit for the additional members that are kept from earlier responses, in characters of JSON. The latest response is kept
 * whole.
 */
const maxExtraLength = 65_536;

/** Returns all additional members. `undefined`: there are none. */
function mergeExtra(before: SessionRecord['extra'], latest: Exclude<SessionRecord['extra'], undefined>) {
  const extra = { ...keepEarlierExtra(before, latest), ...latest };
  return Object.keys(extra).length > 0 ? extra : undefined;
}

/**
 * Returns members of earlier responses, the earliest first: most servers identify the user only in the response to the login. The
 * limit prevents a server that sends new names each time from filling the storage.
 */
function keepEarlierExtra(
  before: SessionRecord['extra'] = emptyObject,
  latest: SessionRecord['extra'],
): object {
  let room = maxExtraLength;
  return Object.fromEntries(
    Object.entries(before).filter(([name, value]) => {
      if (latest !== undefined && Object.hasOwn(latest, name)) return false;
      const size = sizeOf([name, value]);
      if (size > room) return false;
      room -= size;
      return true;
    }),
  );
}

/**
 * Returns the size of a value. For a value that JSON cannot represent, returns infinity, so that it is dropped: a custom storage
 * has kept it in another form.
 */
function sizeOf(value: unknown): number {
  try {
    return JSON.stringify(value).length;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function accessTokenOf(record: SessionRecord, grant: TokenGrant, context: GrantContext): AccessToken {
  return {
    token: grant.accessToken,
    type: grant.tokenType,
    issuedAt: context.sentAt,
    expiresAt: grant.lifetime === undefined ? undefined : context.sentAt + grant.lifetime,
    scope: grant.scope ?? context.scope ?? (isPermanentlyNarrowed(record) ? undefined : record.scope),
  };
}

/** Checks whether the server narrows grants permanently and has narrowed this one. */
function isPermanentlyNarrowed({ lastScopeNarrowed, narrowsScope }: SessionRecord): boolean {
  return lastScopeNarrowed === true && narrowsScope === true;
}

/** Returns the expiry that the server states for this refresh token. */
function refreshTokenExpiry(
  record: SessionRecord,
  grant: TokenGrant,
  context: GrantContext,
  rotated: boolean,
): number | undefined {
  const statedLifetime = grant.refreshTokenLifetime;
  if (statedLifetime !== undefined)
    return Number.isFinite(statedLifetime) ? context.sentAt + statedLifetime : undefined;
  return rotated ? undefined : record.refreshTokenExpiresAt;
}

/** Tolerance for repeated statements of the same expiry, in ms. Servers count the remaining lifetime in whole seconds. */
const sameExpiryTolerance = 60_000;

/**
 * Returns the expected expiry of the refresh token: the current statement; otherwise the previous one, because a refresh token
 * does not outlive the one that it has replaced (BBA-01); otherwise that of the profile. A statement that has proved wrong is not
 * kept.
 */
function expectedExpiry(
  { refreshToken, refreshTokenEnd: known }: SessionRecord,
  grant: TokenGrant,
  { sentAt, refreshTokenLifetime }: GrantContext,
  rotated: boolean,
): ExpectedExpiry | undefined {
  const statedLifetime = grant.refreshTokenLifetime;
  if (statedLifetime === Number.POSITIVE_INFINITY || (grant.refreshToken ?? refreshToken) === undefined)
    return undefined;
  if (statedLifetime === undefined && known !== undefined && known.at > sentAt) return known;
  const lifetime = statedLifetime ?? (rotated ? refreshTokenLifetime : undefined);
  if (lifetime === undefined) return undefined;
  const at = sentAt + lifetime;
  return known !== undefined && Math.abs(known.at - at) < sameExpiryTolerance ? known : { at, since: sentAt };
}

/**
 * Returns the record with the pending-refresh marker (law response-lost).
 *
 * @param lostResponses number of earlier sends of its refresh token without a response.
 * @param by the manager that is about to send it.
 */
export function withPendingRefresh(
  record: SessionRecord,
  lostResponses: number,
  by: string,
  now: number,
): SessionRecord {
  const pendingRefresh: PendingRefresh = {
    fingerprint: fingerprint(record.refreshToken ?? ''),
    since: (lostResponses > 0 ? record.pendingRefresh?.since : undefined) ?? now,
    latest: now,
    sends: lostResponses + 1,
    by,
  };
  return withChanges(record, { pendingRefresh });
}

/**
 * Returns the scope of a refresh request. After a narrower token, the whole grant must be named, because a server such as Curity
 * remembers the narrower scope. It is not named if that narrows the grant permanently.
 */
export function scopeToRequest(
  record: SessionRecord,
  { variant, scope }: { readonly variant: string; readonly scope?: readonly string[] | undefined },
): readonly string[] | undefined {
  const isNamed = variant === wholeGrant && record.lastScopeNarrowed === true && record.narrowsScope !== true;
  return isNamed ? record.scope : scope;
}
