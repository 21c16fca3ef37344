/**
 * Handles a stored value that a new session has replaced and that was not a session of this client: its server may still accept it.
 *
 * @module
 */

import { isRecord } from '../core/session/read-record.ts';
import { toTokenSet } from '../core/session/session-record.ts';
import { issuersOf } from '../token-endpoint/authorization-server-resolver.ts';
import type { ManagerContext } from './manager-context.ts';
import type { RejectedValue } from './record-write.ts';
import type { Session } from './session.ts';

/** Reports what was replaced, and revokes it where that is possible. Called without the lock: it asks the server. */
export function reportReplacedRecord(context: ManagerContext, session: Session): void {
  const replaced = context.store.takeReplaced(session);
  if (replaced === undefined) return;
  const { reason } = replaced;
  const eventContext = session.eventContext();
  void revokeReplaced(context, replaced)
    .catch(() => false)
    .then((revoked) => context.emit({ type: 'recordReplaced', ...eventContext, reason, revoked }));
}

/** Law tokens-stay-home: tokens go to their own issuer only. So only those of another client of this server can be revoked. */
async function revokeReplaced(
  { server, endpoint }: ManagerContext,
  { reason, value }: RejectedValue,
): Promise<boolean> {
  if (reason !== 'other client' || !isRecord(value)) return false;
  const known = await server.resolve();
  if (!issuersOf(known).includes(value.issuer ?? '')) return false;
  const { refreshToken, clientId } = value;
  const tokens = { refreshToken, accessToken: toTokenSet(value)?.accessToken };
  return (await endpoint.forPublicClient(clientId)?.revoke(known, tokens))?.revoked ?? false;
}
