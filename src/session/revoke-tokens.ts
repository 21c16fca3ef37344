/**
 * Revokes the tokens that a session leaves behind: those of a sign-out, those that arrive after it, and those of a replaced
 * record.
 *
 * @module
 */

import { safeCause } from '../core/http/network-error.ts';
import { type NotRevoked, notRevoked, type RevocationResult } from '../core/oauth/revocation-result.ts';
import type { Secrets } from '../core/redact.ts';
import type { LoginIdentity } from '../core/session/login-identity.ts';
import { isRecord } from '../core/session/read-record.ts';
import { type SessionRecord, secretsIn, toTokenSet } from '../core/session/session-record.ts';
import { issuersOf } from '../token-endpoint/authorization-server-resolver.ts';
import type { ManagerContext } from './manager-context.ts';
import type { RejectedValue } from './record-write.ts';
import type { Session } from './session.ts';

/** Tokens of a refresh or a login that arrived after a sign-out. */
export interface OrphanedTokens {
  readonly login: LoginIdentity | undefined;
  readonly refreshToken: string | undefined;
  readonly accessToken: string;
}

/**
 * Revokes tokens that arrived after a sign-out (law sign-out-wins), unless the user has signed in again since: revoking them
 * could end the new session.
 */
export function revokeOrphanedTokens(
  context: ManagerContext,
  session: Session,
  orphaned: OrphanedTokens,
): void {
  if (session.ended === undefined) return;
  const { login, refreshToken, accessToken } = orphaned;
  const { result: before, refreshTokens = [] } = session.pending.orphanRevocation ?? {};
  const result = revoke(context, orphaned, [refreshToken, accessToken]).then(async (result) => {
    context.emit({ type: 'lateTokensDiscarded', ...session.eventContext(login), ...result });
    const earlier = await before;
    return earlier?.revoked === false ? earlier : result;
  });
  const added = refreshToken === undefined ? [] : [[login?.login, refreshToken] as const];
  session.work.trackOrphanRevocation({ result, refreshTokens: [...refreshTokens, ...added] });
}

/**
 * Revokes the records that a sign-out has ended. If a refresh replaced the refresh token of a record meanwhile, the revocation of
 * its successor has already ended the session. Never rejects.
 *
 * @param unreadable the result for a stored value whose tokens are not known.
 */
export async function revokeRecords(
  context: ManagerContext,
  { pending }: Session,
  ended: readonly SessionRecord[],
  unreadable: NotRevoked | undefined,
): Promise<RevocationResult> {
  const { orphanRevocation } = pending;
  const orphanResult = await orphanRevocation?.result;
  const isRevokedByOrphan = (record: SessionRecord) =>
    orphanRevocation?.refreshTokens.some(
      ([login, successor]) => login === record.login && successor !== record.refreshToken,
    );
  const alive = orphanResult?.revoked === true ? ended.filter((record) => !isRevokedByOrphan(record)) : ended;
  const results = await Promise.all(
    alive.map((record) => {
      const { refreshToken } = record;
      const accessToken = toTokenSet(record)?.accessToken;
      return revoke(context, { refreshToken, accessToken }, secretsIn(record));
    }),
  );
  const all = orphanResult === undefined ? results : [orphanResult, ...results];
  return all.find(({ revoked }) => !revoked) ?? unreadable ?? all[0] ?? notRevoked('no_tokens');
}

/** Revokes the tokens of a record. Never rejects. */
async function revoke(
  { server, endpoint }: ManagerContext,
  tokens: { readonly refreshToken: string | undefined; readonly accessToken: string | undefined },
  secrets: Secrets,
): Promise<RevocationResult> {
  try {
    return await endpoint.revoke(await server.resolve(), tokens);
  } catch (error) {
    return notRevoked('not_sent', { cause: safeCause(error, secrets) });
  }
}

/**
 * Reports that a new session has replaced a value that was not a session of this client. Revokes its tokens if possible. Called
 * without the lock, because it sends a request.
 */
export function reportReplacedRecord(context: ManagerContext, session: Session): void {
  const replaced = context.store.takeReplaced(session);
  if (replaced === undefined) return;
  const { reason } = replaced;
  const eventContext = session.eventContext();
  void revokeReplaced(context, replaced)
    .catch(() => false)
    .then((revoked) => context.emit({ type: 'recordReplaced', ...eventContext, reason, revoked }));
}

/**
 * Revokes the tokens of a replaced value. Law tokens-stay-home: tokens go only to their own issuer, so only those of another
 * client of this server can be revoked.
 */
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
