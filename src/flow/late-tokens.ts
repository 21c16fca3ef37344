/**
 * Tokens that come after a sign-out (law 6).
 *
 * @module
 */
import type { LateTokens, Workshop } from './attempt.ts';
import type { Session } from './session.ts';

/** Revokes them, unless someone has signed in again since: then their end could be that of the new session. */
export function discardLate(workshop: Workshop, session: Session, late: LateTokens): void {
  if (session.gone === undefined) return;
  const { endpoint, server, tell } = workshop;
  const before = session.lateRevocation;
  session.lateRevocation = server
    .resolve()
    .then((known) => endpoint.revoke(known, late, undefined))
    .catch(() => false)
    .then(async (revoked) => {
      tell({ type: 'lateTokensDiscarded', session: session.id, revoked });
      return (await before) !== false && revoked;
    });
}
