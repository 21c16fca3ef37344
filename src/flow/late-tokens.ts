/**
 * Tokens that come after a sign-out (law 6).
 *
 * @module
 */
import { notRevoked, type RevocationResult } from '../core/revocation.ts';
import { safeCause } from '../core/transport-failure.ts';
import type { LateTokens, Workshop } from './attempt.ts';
import type { Session } from './session.ts';

/** Revokes them, unless someone has signed in again since: then their end could be that of the new session. */
export function discardLate(workshop: Workshop, session: Session, late: LateTokens): void {
  if (session.gone === undefined) return;
  const { ended: before, refreshTokens = [] } = session.lateRevocation ?? {};
  const ended = revokeLate(workshop, late).then(async (result) => {
    workshop.tell({ type: 'lateTokensDiscarded', ...session.about(late.login), ...result });
    const earlier = await before;
    return earlier?.revoked === false ? earlier : result;
  });
  const { login, refreshToken } = late;
  const added = refreshToken === undefined ? [] : [[login?.login, refreshToken] as const];
  session.lateRevocation = { ended, refreshTokens: [...refreshTokens, ...added] };
}

/** Never rejects. */
async function revokeLate({ server, endpoint }: Workshop, late: LateTokens): Promise<RevocationResult> {
  try {
    return await endpoint.revoke(await server.resolve(), late);
  } catch (error) {
    return notRevoked('not_sent', { cause: safeCause(error, [late.refreshToken, late.accessToken]) });
  }
}
