/**
 * Tokens that come after a sign-out (law sign-out-wins).
 *
 * @module
 */

import { safeCause } from '../core/http/network-error.ts';
import { notRevoked, type RevocationResult } from '../core/oauth/revocation-result.ts';
import type { LoginIdentity } from '../core/session/login-identity.ts';
import type { ManagerContext } from './manager-context.ts';
import type { Session } from './session.ts';

/** Tokens of a refresh or a login that arrived after a sign-out. */
export interface OrphanedTokens {
  readonly login: LoginIdentity | undefined;
  readonly refreshToken: string | undefined;
  readonly accessToken: string;
}

/** Revokes them, unless someone has signed in again since: then their end could be that of the new session. */
export function revokeOrphanedTokens(
  context: ManagerContext,
  session: Session,
  orphaned: OrphanedTokens,
): void {
  if (session.ended === undefined) return;
  const { result: before, refreshTokens = [] } = session.pending.orphanRevocation ?? {};
  const result = revokeTokens(context, orphaned).then(async (result) => {
    context.emit({ type: 'lateTokensDiscarded', ...session.eventContext(orphaned.login), ...result });
    const earlier = await before;
    return earlier?.revoked === false ? earlier : result;
  });
  const { login, refreshToken } = orphaned;
  const added = refreshToken === undefined ? [] : [[login?.login, refreshToken] as const];
  session.pending.trackOrphanRevocation({ result, refreshTokens: [...refreshTokens, ...added] });
}

/** Never rejects. */
async function revokeTokens(
  { server, endpoint }: ManagerContext,
  orphaned: OrphanedTokens,
): Promise<RevocationResult> {
  try {
    return await endpoint.revoke(await server.resolve(), orphaned);
  } catch (error) {
    return notRevoked('not_sent', { cause: safeCause(error, [orphaned.refreshToken, orphaned.accessToken]) });
  }
}
