/**
 * Step 5, before anything is sent: whatever can fail fails here, where it costs nothing.
 *
 * @module
 */

import type { AuthorizationServer } from '../core/authorization-server.ts';
import { fingerprint } from '../core/fingerprint.ts';
import { changed } from '../core/own-members.ts';
import { belongsTo, type SessionRecord, type Spending, wholeGrant } from '../core/session-record.ts';
import type { Attempt, Want, Workshop } from './attempt.ts';
import { issuersOf } from './authorization-server-source.ts';
import { loginRequired } from './refusal.ts';
import type { PreparedGrant } from './token-endpoint.ts';

export interface Preparation {
  readonly grant: PreparedGrant;
  readonly server: AuthorizationServer;
  /** The scope that is asked for, where one is named. */
  readonly scope: readonly string[] | undefined;
}

/** Finds out the server and makes the request: metadata, client authentication, everything. */
export async function prepare(
  workshop: Workshop,
  attempt: Attempt,
  record: SessionRecord,
): Promise<Preparation> {
  const server = await workshop.server.resolve();
  // Law 8: only now the server is known for sure, and the refresh token is for nobody but its issuer.
  if (!belongsTo(record, { issuers: issuersOf(server), isNamed: workshop.server.isNamed })) {
    attempt.tell({ type: 'recordRejected', ...attempt.session.about(attempt.login), reason: 'other issuer' });
    throw loginRequired('no_tokens');
  }
  const { resource } = attempt.want;
  const scope = scopeToAskFor(attempt.want, record);
  const refreshToken = record.refreshToken ?? '';
  const grant = await workshop.endpoint.prepare(server, { refreshToken, scope, resource }, attempt.prover);
  return { grant, server, scope };
}

/**
 * After a narrower token the whole grant has to be named: Curity for one remembers the narrower scope. Not so where that narrows
 * the grant for good.
 */
function scopeToAskFor({ variant, scope }: Want, record: SessionRecord): readonly string[] | undefined {
  const isNamed = variant === wholeGrant && record.narrowed === true && record.narrowsScope !== true;
  return isNamed ? record.scope : scope;
}

/** The record with the write-ahead mark. `before` counts the sends of its refresh token that were not answered. */
export function marked({ clock, name }: Workshop, record: SessionRecord, before: number): SessionRecord {
  const now = clock.now();
  const spending: Spending = {
    fingerprint: fingerprint(record.refreshToken ?? ''),
    since: (before > 0 ? record.spending?.since : undefined) ?? now,
    latest: now,
    sends: before + 1,
    by: name,
  };
  return changed(record, { spending });
}
