/**
 * The key that a session is bound to (RFC 9449).
 *
 * @module
 */

import { withTimeout } from '../async/abortable.ts';
import type { DpopKey } from '../core/oauth/dpop-key.ts';
import type { SessionRecord } from '../core/session/session-record.ts';
import type { ManagerContext } from './manager-context.ts';
import type { KnownSecrets } from './storage-error.ts';

/** Loads a key by its thumbprint. @throws StorageError */
export async function loadKey(
  context: ManagerContext,
  thumbprint: string,
  known: KnownSecrets,
): Promise<DpopKey | undefined> {
  return await context.store.runBounded('read', async () => await context.dpop?.load(thumbprint), known);
}

/** Deletes the key of a session that has ended. Failures are ignored, because the key of an ended session gives no access. */
export async function forgetKey(context: ManagerContext, record: SessionRecord | undefined): Promise<void> {
  const { thumbprint } = record ?? {};
  if (thumbprint === undefined) return;
  await withTimeout(context, async () => await context.dpop?.forget(thumbprint)).catch(() => undefined);
}
