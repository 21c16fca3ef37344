/**
 * Step 3: what there is of a session, wherever it is.
 *
 * @module
 */
import { randomId } from '../platform/web-crypto.ts';
import type { ManagerContext } from '../session/manager-context.ts';
import type { VersionedRecord } from '../session/record-write.ts';
import type { RefreshAttempt } from './refresh-attempt.ts';

/** Finds the record of a session. `'not-created'`: there is none, and it takes no login to begin. */
export async function loadRecord(
  { grant, store }: ManagerContext,
  { session, emit }: RefreshAttempt,
): Promise<VersionedRecord | 'not-created' | undefined> {
  const isStateless = grant.kind === 'client-credentials';
  while (session.signingIn !== undefined) await session.signingIn.catch(() => undefined);
  const { ended } = session;
  if (ended?.kind === 'still-stored' && !isStateless) {
    // The user has signed out, but the record was not deleted. Only a later login made elsewhere makes the session valid again.
    if (ended.login === undefined) return undefined;
    const stored = await store.read(session, emit).catch(() => undefined);
    // The record may have been deleted since it was read.
    return stored === undefined || session.ended !== ended || session.hasEnded(stored.record)
      ? undefined
      : stored;
  }
  // A successor that the storage refused is newer than whatever it holds.
  const { unsaved } = session;
  if (unsaved !== undefined) return { record: unsaved.record, version: unsaved.version };
  // What was there and is gone was signed out of, and nobody has to be asked: a login begins the next one.
  const hasEnded = !isStateless && (session.hasSeenTokens || session.ended !== undefined);
  const found = await store.read(session, emit);
  if (found !== undefined) return found;
  if (grant.kind !== 'refresh-token' && !hasEnded) return 'not-created';
  session.noteEmpty();
  return undefined;
}

/**
 * The same under the lock, where a session that takes no login begins: not while a refresh is under way that somebody has signed
 * out of, or its tokens would be taken for those of the new one (law sign-out-wins).
 */
export async function loadOrCreateRecord(
  context: ManagerContext,
  attempt: RefreshAttempt,
): Promise<VersionedRecord | undefined> {
  const found = await loadRecord(context, attempt);
  if (found !== 'not-created') return found;
  const { grant, store, clock, dpop, server } = context;
  const initial = async () => ({
    accessTokens: {},
    issuer: server.issuers[0],
    ...(grant.kind === 'token-handler'
      ? { ...grant.initialRecord(clock.now()), login: randomId().slice(0, 8) }
      : // Nobody logs in, so the key is made here.
        await store.runBounded('write', async () => await dpop?.createSessionKey())),
  });
  return await store.readOrCreate(attempt.session, initial, attempt.emit);
}
