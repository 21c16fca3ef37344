/** Counts the authorization server's own events, in all and for each token family. */
import type { OidcContext, Provider, StoredModel } from 'oidc-provider';

export interface Counters {
  /** Authorization codes that were exchanged for tokens. */
  logins: number;
  /** Refresh token grants that succeeded. */
  refreshes: number;
  /** Refresh token grants that were refused, for whatever reason. */
  refusals: number;
  /** Refresh tokens that were spent: marked as used. */
  spent: number;
  /** Refresh tokens that came once more after they had been spent. */
  reuses: number;
  /** How many successors the newest refresh token has had before it. As many as were spent: a chain without a fork. */
  chain: number;
  /** Token families that the server revoked because of a reuse. */
  familiesRevoked: number;
  /** Token families that the client revoked at the revocation endpoint. */
  revocations: number;
  accessTokens: number;
}

const zero = (): Counters => ({
  logins: 0,
  refreshes: 0,
  refusals: 0,
  spent: 0,
  reuses: 0,
  chain: 0,
  familiesRevoked: 0,
  revocations: 0,
  accessTokens: 0,
});

export interface CountersOfAll {
  readonly total: Counters;
  /** The counters of one family, live. */
  family(grantId: string): Counters;
}

export function count(provider: Provider): CountersOfAll {
  const total = zero();
  const families = new Map<string, Counters>();
  const spent = new Set<string>();

  function family(grantId: string): Counters {
    const counters = families.get(grantId) ?? zero();
    families.set(grantId, counters);
    return counters;
  }
  function add(counter: keyof Counters, grantId: string | undefined): void {
    total[counter] += 1;
    if (grantId !== undefined) family(grantId)[counter] += 1;
  }
  function consumed(token: StoredModel): void {
    // Spent twice at the same moment: the server did not notice, we do.
    if (spent.has(token.jti)) add('reuses', token.grantId);
    spent.add(token.jti);
    add('spent', token.grantId);
  }
  function saved(token: StoredModel): void {
    for (const counters of [total, family(token.grantId ?? '')]) {
      counters.chain = Math.max(counters.chain, token.rotations ?? 0);
    }
  }

  provider.on('grant.success', (context) => {
    if (isRefresh(context)) add('refreshes', familyOf(context));
    else add('logins', familyOf(context));
  });
  provider.on('grant.error', (context) => {
    if (!isRefresh(context)) return;
    add('refusals', familyOf(context));
    if (context.oidc.entities['RefreshToken']?.consumed) add('reuses', familyOf(context));
  });
  provider.on('grant.revoked', (context, grantId) => {
    add(context.oidc.route === 'revocation' ? 'revocations' : 'familiesRevoked', grantId);
  });
  provider.on('refresh_token.consumed', consumed);
  provider.on('refresh_token.saved', saved);
  provider.on('access_token.saved', (token) => add('accessTokens', token.grantId));
  return { total, family };
}

const isRefresh = (context: OidcContext) => context.oidc.params?.['grant_type'] === 'refresh_token';
const familyOf = (context: OidcContext) =>
  context.oidc.entities['RefreshToken']?.grantId ?? context.oidc.entities['Grant']?.jti;
