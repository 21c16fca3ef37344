/**
 * The record that follows when tokens arrive.
 *
 * @module
 */
import { changed, nothing } from './own-members.ts';
import {
  type AccessToken,
  type ExpectedEnd,
  type SessionRecord,
  settled,
  wholeGrant,
} from './session-record.ts';
import type { TokenGrant } from './token-grant.ts';

/** How a grant was asked for. */
export interface Asking {
  readonly variant: string;
  /** The scope that was asked for, when it was named. */
  readonly scope: readonly string[] | undefined;
  /** When the request was sent, in Unix ms: lifetimes count from here, so they end too early rather than too late. */
  readonly sentAt: number;
  /** `undefined` while the authorization server is not known. */
  readonly issuer: string | undefined;
  /** `false`: the access token is of a type that cannot be sent. The refresh token is kept all the same. */
  readonly usable: boolean;
  /** `narrowsScope` of the provider profile. */
  readonly narrowsScope?: boolean | undefined;
  /** `refreshTokenLifetime` of the provider profile, in ms. */
  readonly refreshTokenLifetime?: number | undefined;
}

/** The first record of a session. */
export function begin(
  clientId: string,
  grant: TokenGrant,
  asking: Asking & Pick<SessionRecord, 'login' | 'subject' | 'thumbprint'>,
): SessionRecord {
  const scope = grant.scope ?? asking.scope;
  const { login, subject, thumbprint } = asking;
  return succeed({ schema: 1, clientId, login, subject, thumbprint, scope, accessTokens: {} }, grant, asking);
}

/**
 * What is stored after a grant: the new refresh token, or the old one where none came (RFC 6749 §6), the new access
 * token beside those of other variants, and everything else that the server sent.
 */
export function succeed(before: SessionRecord, grant: TokenGrant, asking: Asking): SessionRecord {
  const record = settled(before);
  const { [asking.variant]: _old, ...others } = record.accessTokens;
  const rotated = grant.refreshToken !== undefined && grant.refreshToken !== record.refreshToken;
  const { [asking.variant]: _past, ...variantFailures } = record.variantFailures ?? {};
  const isWhole = asking.variant === wholeGrant;
  const isNarrower = !isWhole && asking.scope !== undefined;
  return changed(record, {
    scope: isWhole && isNarrowed(record) ? grant.scope : record.scope,
    issuer: asking.issuer,
    refreshToken: grant.refreshToken ?? record.refreshToken,
    refreshTokenExpiresAt: endOfRefreshToken(record, grant, asking, rotated),
    refreshTokenEnd: expectedEnd(record, grant, asking),
    narrowed: isWhole ? undefined : record.narrowed || isNarrower || undefined,
    narrowsScope: record.narrowsScope || (isNarrower && asking.narrowsScope) || undefined,
    variantFailures: Object.keys(variantFailures).length > 0 ? variantFailures : undefined,
    idToken: grant.idToken ?? record.idToken,
    extra: { ...keptExtra(record.extra, grant.extra), ...grant.extra },
    accessTokens: asking.usable
      ? { ...others, [asking.variant]: accessTokenOf(record, grant, asking) }
      : others,
  });
}

/** Limit for the additional members that are kept from earlier answers, in characters of JSON. The latest answer is kept whole. */
const mostOfExtra = 65_536;

/**
 * Keeps members of earlier answers, the earliest first: most servers identify the user in the answer to the login only. The limit
 * prevents a server that sends new names each time from filling the storage.
 */
function keptExtra(before: SessionRecord['extra'] = nothing, latest: SessionRecord['extra']): object {
  let room = mostOfExtra;
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

/** Returns infinity for a value that JSON cannot represent, so that it is dropped: a custom storage has kept it in another form. */
function sizeOf(value: unknown): number {
  try {
    return JSON.stringify(value).length;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function accessTokenOf(record: SessionRecord, grant: TokenGrant, asking: Asking): AccessToken {
  return {
    token: grant.accessToken,
    type: grant.tokenType,
    issuedAt: asking.sentAt,
    expiresAt: grant.lifetime === undefined ? undefined : asking.sentAt + grant.lifetime,
    scope: grant.scope ?? asking.scope ?? (isNarrowed(record) ? undefined : record.scope),
  };
}

/** The server narrows grants for good, and has narrowed this one. */
function isNarrowed({ narrowed, narrowsScope }: SessionRecord): boolean {
  return narrowed === true && narrowsScope === true;
}

/** What the server said of this very refresh token. */
function endOfRefreshToken(
  record: SessionRecord,
  grant: TokenGrant,
  asking: Asking,
  rotated: boolean,
): number | undefined {
  const told = grant.refreshTokenLifetime;
  if (told !== undefined) return Number.isFinite(told) ? asking.sentAt + told : undefined;
  return rotated ? undefined : record.refreshTokenExpiresAt;
}

/** Servers count in whole seconds, and say anew how many are left of the same life. */
const sameEnd = 60_000;

/**
 * What is told now; else what was told before, for a refresh token does not outlive the one that it has replaced (BBA-01); else
 * what the profile says. What has turned out wrong is not kept.
 */
function expectedEnd(
  { refreshToken, refreshTokenEnd: known }: SessionRecord,
  grant: TokenGrant,
  { sentAt, refreshTokenLifetime }: Asking,
): ExpectedEnd | undefined {
  const told = grant.refreshTokenLifetime;
  if (told === Number.POSITIVE_INFINITY || (grant.refreshToken ?? refreshToken) === undefined)
    return undefined;
  if (told === undefined && known !== undefined && known.at > sentAt) return known;
  const isNew = grant.refreshToken !== undefined && grant.refreshToken !== refreshToken;
  const lifetime = told ?? (isNew ? refreshTokenLifetime : undefined);
  if (lifetime === undefined) return undefined;
  const at = sentAt + lifetime;
  return known !== undefined && Math.abs(known.at - at) < sameEnd ? known : { at, since: sentAt };
}
