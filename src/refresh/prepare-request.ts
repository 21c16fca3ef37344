/**
 * Step 5, before anything is sent: whatever can fail fails here, where it costs nothing.
 *
 * @module
 */

import { fingerprint } from '../core/fingerprint.ts';
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import { withChanges } from '../core/own-members.ts';
import { isOwnedBy } from '../core/session/read-record.ts';
import { type PendingRefresh, type SessionRecord, wholeGrant } from '../core/session/session-record.ts';
import type { ManagerContext } from '../session/manager-context.ts';
import { loginRequired } from '../session/session-errors.ts';
import { issuersOf } from '../token-endpoint/authorization-server-resolver.ts';
import type { PreparedTokenRequest } from '../token-endpoint/token-endpoint.ts';
import type { RefreshAttempt, RefreshRequirement } from './refresh-attempt.ts';

export interface PreparedRefresh {
  readonly grant: PreparedTokenRequest;
  readonly server: AuthorizationServer;
  /** The scope that is asked for, where one is named. */
  readonly scope: readonly string[] | undefined;
}

/** Finds out the server and makes the request: metadata, client authentication, everything. */
export async function prepareRequest(
  context: ManagerContext,
  attempt: RefreshAttempt,
  record: SessionRecord,
): Promise<PreparedRefresh> {
  const server = await context.server.resolve();
  // Law tokens-stay-home: only now the server is known for sure, and the refresh token is for nobody but its issuer.
  if (!isOwnedBy(record, { issuers: issuersOf(server), isNamed: context.server.isNamed })) {
    attempt.emit({
      type: 'recordRejected',
      ...attempt.session.eventContext(attempt.login),
      reason: 'other issuer',
    });
    throw loginRequired('no_tokens');
  }
  const { resource } = attempt.requirement;
  const scope = requestedScope(attempt.requirement, record);
  const refreshToken = record.refreshToken ?? '';
  const grant = await context.endpoint.prepare(server, { refreshToken, scope, resource }, attempt.dpopKey);
  return { grant, server, scope };
}

/**
 * After a narrower token the whole grant has to be named: Curity for one remembers the narrower scope. Not so where that narrows
 * the grant for good.
 */
function requestedScope(
  { variant, scope }: RefreshRequirement,
  record: SessionRecord,
): readonly string[] | undefined {
  const isNamed = variant === wholeGrant && record.lastScopeNarrowed === true && record.narrowsScope !== true;
  return isNamed ? record.scope : scope;
}

/** The record with the pending-refresh marker. `before` counts the sends of its refresh token that were not answered. */
export function withPendingRefresh(
  { clock, managerId }: ManagerContext,
  record: SessionRecord,
  before: number,
): SessionRecord {
  const now = clock.now();
  const pendingRefresh: PendingRefresh = {
    fingerprint: fingerprint(record.refreshToken ?? ''),
    since: (before > 0 ? record.pendingRefresh?.since : undefined) ?? now,
    latest: now,
    sends: before + 1,
    by: managerId,
  };
  return withChanges(record, { pendingRefresh });
}
