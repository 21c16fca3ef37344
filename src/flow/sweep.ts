/**
 * Handles a stored value that a new session has replaced and that was not a session of this client: its server may still accept it.
 *
 * @module
 */
import { isRecord, toTokenSet } from '../core/session-record.ts';
import type { Workshop } from './attempt.ts';
import { issuersOf } from './authorization-server-source.ts';
import type { Session } from './session.ts';
import type { RejectedValue } from './session-store.ts';

/** Reports what was replaced, and revokes it where that is possible. Called without the lock: it asks the server. */
export function sweep(workshop: Workshop, session: Session): void {
  const replaced = workshop.store.takeReplaced(session);
  if (replaced === undefined) return;
  const { reason } = replaced;
  const about = session.about();
  void revoke(workshop, replaced)
    .catch(() => false)
    .then((revoked) => workshop.tell({ type: 'recordReplaced', ...about, reason, revoked }));
}

/** Law 8: tokens go to their own issuer only. So only those of another client of this server can be revoked. */
async function revoke({ server, endpoint }: Workshop, { reason, value }: RejectedValue): Promise<boolean> {
  if (reason !== 'other client' || !isRecord(value)) return false;
  const known = await server.resolve();
  if (!issuersOf(known).includes(value.issuer ?? '')) return false;
  const { refreshToken, clientId } = value;
  const tokens = { refreshToken, accessToken: toTokenSet(value)?.accessToken };
  return (await endpoint.forPublicClient(clientId)?.revoke(known, tokens))?.revoked ?? false;
}
