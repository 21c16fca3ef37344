/**
 * The key that a session is bound to (RFC 9449).
 *
 * @module
 */

import { withTimeout } from '../async/abortable.ts';
import type { DpopKey } from '../core/oauth/dpop-key.ts';
import { type SessionRecord, secretsIn } from '../core/session/session-record.ts';
import type { ManagerContext } from './manager-context.ts';
import type { VersionedRecord } from './record-write.ts';
import type { Session } from './session.ts';
import { loginRequired } from './session-errors.ts';
import type { EmitEvent } from './session-store.ts';
import type { KnownSecrets } from './storage-error.ts';

/**
 * The key of what is stored; `undefined` for a session of bearer tokens. Asked for before anything of the record is used.
 *
 * @throws LoginRequiredError `no_key`: without its key a session is of no use, and no token of it is sent.
 * @throws StorageError when the key cannot be read for the moment.
 */
export async function keyOfSession(
  context: ManagerContext,
  session: Session,
  { record, version }: VersionedRecord,
  emit: EmitEvent,
): Promise<DpopKey | undefined> {
  const { thumbprint } = record;
  if (thumbprint === undefined && context.dpop?.allowsBearerTokens !== false) return undefined;
  if (session.dpopKey !== undefined && session.dpopKey.thumbprint === thumbprint) return session.dpopKey;
  const dpopKey =
    thumbprint === undefined ? undefined : await loadKey(context, thumbprint, () => secretsIn(record));
  if (dpopKey === undefined) {
    if (session.noteRejected(version))
      emit({ type: 'recordRejected', ...session.eventContext(), reason: 'key lost' });
    throw loginRequired('no_key');
  }
  session.bindTo(dpopKey);
  return dpopKey;
}

/** @throws StorageError */
export async function loadKey(
  context: ManagerContext,
  thumbprint: string,
  known: KnownSecrets,
): Promise<DpopKey | undefined> {
  return await context.store.runBounded('read', async () => await context.dpop?.load(thumbprint), known);
}

/** Its session is over. Best effort: a key that stays behind opens nothing. */
export async function forgetKey(context: ManagerContext, record: SessionRecord | undefined): Promise<void> {
  const { thumbprint } = record ?? {};
  if (thumbprint === undefined) return;
  await withTimeout(context, async () => await context.dpop?.forget(thumbprint)).catch(() => undefined);
}
