/**
 * Sign-out: it wins over everything that is in progress (law sign-out-wins).
 *
 * @module
 */

import { abortable, deadline, maxTimerDelay } from '../async/abortable.ts';
import { describeReceived } from '../core/describe-received.ts';
import { ConfigurationError, isConflict, StorageError } from '../core/errors.ts';
import type { SessionEvent } from '../core/events.ts';
import { explain } from '../core/explain.ts';
import { type NotRevoked, notRevoked, type RevocationResult } from '../core/oauth/revocation-result.ts';
import { emptyObject, ownMembers } from '../core/own-members.ts';
import { loginIdentityOf } from '../core/session/login-identity.ts';
import type { SessionRecord } from '../core/session/session-record.ts';
import { forgetKey } from './dpop-session.ts';
import type { ManagerContext } from './manager-context.ts';
import type { StoredSession } from './record-write.ts';
import { revokeRecords } from './revoke-tokens.ts';
import type { Session } from './session.ts';
import { loginRequired } from './session-errors.ts';

/** Options of `signOut()`. */
export interface SignOutOptions {
  /** Whether to revoke the tokens at the authorization server (RFC 7009). @default true */
  readonly revoke?: boolean | undefined;
  /**
   * How long to wait for the authorization server, in ms. The request continues afterwards, as far as the platform lets it;
   * `revocationFinished` reports its result.
   *
   * @default 2_000
   */
  readonly timeout?: number | undefined;
  /** Stops waiting for the authorization server. The session ends anyway, and the request continues. */
  readonly signal?: AbortSignal | undefined;
}

/** The result of `signOut()`: whether the authorization server confirmed that the tokens are revoked, and if not, why. */
export type SignOutResult = RevocationResult;

/**
 * Ends the session here at once, then where it is stored, then at the server.
 *
 * @throws StorageError when the storage did not delete the tokens. They are not used here any more.
 */
export async function signOut(
  context: ManagerContext,
  session: Session,
  given: SignOutOptions = emptyObject,
): Promise<SignOutResult> {
  const options = ownMembers(given);
  checkSignOutOptions(options);
  const { store, emit } = context;
  const error = loginRequired('signed_out');
  const pending = Promise.allSettled(session.pending.all);
  const unsaved = session.unsaved?.record;
  const { hasSeenTokens: hadTokens, login } = session;
  session.signOut(error);
  const { epoch } = session;
  store.discardUnsaved(session);
  const { records, unreadable, storageError } = await removeStored(context, session);
  const record = records.at(-1);
  // While it was deleted someone may have signed in again: that session is not ours to end.
  if (session.epoch === epoch) {
    // Not the one in memory: another login may have been stored since, and was signed out of as well.
    session.finishSignOut(
      storageError === undefined
        ? { kind: 'removed', error }
        : { kind: 'still-stored', error, login: record?.login },
    );
  }
  const eventContext = session.eventContext(login ?? (record && loginIdentityOf(record)));
  if (hadTokens || record !== undefined) emit({ type: 'signedOut', ...eventContext, where: 'here' });
  const ended = recordsToRevoke(unsaved, records);
  const { revoke = true } = options;
  const revoking = pending.then(() =>
    revoke ? revokeRecords(context, session, ended, unreadable) : notRevoked('not_requested'),
  );
  // Each login has its own key, so this one is no longer needed.
  if (storageError === undefined && session.epoch === epoch) {
    for (const one of ended) await forgetKey(context, one);
  }
  const result = await waitForRevocation(context, eventContext, revoking, options);
  if (storageError !== undefined) throw storageError;
  return result;
}

/**
 * Returns the records that a sign-out ends. An unsaved record of the stored login is its successor and replaces it. An unsaved record
 * of another login is one that could not be stored: then both are ended.
 */
function recordsToRevoke(
  unsaved: SessionRecord | undefined,
  stored: readonly SessionRecord[],
): readonly SessionRecord[] {
  return unsaved === undefined ? stored : [unsaved, ...stored.filter(({ login }) => login !== unsaved.login)];
}

function checkSignOutOptions({ revoke, timeout }: SignOutOptions): void {
  if (revoke !== undefined && typeof revoke !== 'boolean') {
    throw new ConfigurationError(
      explain('sign-out', `signOut({ revoke }): revoke must be true or false.${describeReceived(revoke)}`),
    );
  }
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout >= 0 && timeout <= maxTimerDelay)) {
    throw new ConfigurationError(
      explain(
        'sign-out',
        `signOut({ timeout }): timeout must be a number of milliseconds from 0 to ${maxTimerDelay}.${describeReceived(timeout)}`,
      ),
    );
  }
}

/** Waits for the server, but not for long: the page may be about to leave. */
async function waitForRevocation(
  { clock, emit }: ManagerContext,
  eventContext: SessionEvent,
  revoking: Promise<RevocationResult>,
  { revoke, timeout = 2_000, signal }: SignOutOptions,
): Promise<RevocationResult> {
  const limit = deadline(clock, timeout, () => 'timed_out');
  try {
    return await abortable(abortable(revoking, signal), limit.signal);
  } catch {
    if (revoke === false) return notRevoked('not_requested');
    void revoking.then((result) => emit({ type: 'revocationFinished', ...eventContext, ...result }));
    return notRevoked(limit.signal.aborted ? 'timed_out' : 'aborted');
  } finally {
    limit.clear();
  }
}

interface RemovedRecord {
  /** The latest record of each login that was found. The last one was stored last. */
  readonly records: readonly SessionRecord[];
  /** Something was stored, but not in a form that shows the tokens. */
  readonly unreadable?: NotRevoked;
  /** The storage did not delete it. */
  readonly storageError?: StorageError;
}

/**
 * Deletes what is stored, and returns the records that were found: tokens that were stored meanwhile are revoked as well. A delete that
 * fails is tried once more from the read on, because another process may have stored a login while it was in progress.
 */
async function removeStored({ store, emit }: ManagerContext, session: Session): Promise<RemovedRecord> {
  const { epoch } = session;
  let records: readonly SessionRecord[] = [];
  let hasFailed = false;
  for (let tries = 0; tries < 10; tries++) {
    try {
      const found = await store.readOrReject(session, emit);
      // Someone has signed in again: what is stored now is theirs. Another client's was never ours.
      if (session.epoch !== epoch || found.kind === 'none' || isForeign(found)) return { records };
      if (found.kind === 'rejected')
        return await deleteUnread(store, session, epoch, { records, unreadable: notRevoked('unreadable') });
      const { record } = found;
      records = [...records.filter(({ login }) => login !== record.login), record];
      await store.delete(session, found.version, record);
      return { records };
    } catch (error) {
      // A refresh elsewhere was stored between our two steps: what it brought has to go as well.
      if (isConflict(error)) continue;
      if (hasFailed || records.length === 0) return await giveUp(store, session, epoch, records, error);
      hasFailed = true;
    }
  }
  return await deleteUnread(store, session, epoch, { records });
}

/** Handles a record that could be neither read nor deleted. An unreadable record can perhaps be deleted. */
async function giveUp(
  store: ManagerContext['store'],
  session: Session,
  epoch: number,
  records: readonly SessionRecord[],
  error: unknown,
): Promise<RemovedRecord> {
  if (records.length > 0) return { records, storageError: notDeleted(error) };
  const unreadable = notRevoked('unreadable', { cause: error as Error });
  return await deleteUnread(store, session, epoch, { records, unreadable });
}

/** Deletes whatever is stored: a value that cannot be read, or that changes faster than it can be deleted by its version. */
async function deleteUnread(
  store: ManagerContext['store'],
  session: Session,
  epoch: number,
  removed: RemovedRecord,
): Promise<RemovedRecord> {
  if (session.epoch !== epoch) return removed;
  return await store.delete(session, undefined, removed.records.at(-1)).then(
    (): RemovedRecord => removed,
    (error: unknown): RemovedRecord => ({ ...removed, storageError: notDeleted(error) }),
  );
}

function isForeign(found: StoredSession): boolean {
  return found.kind === 'rejected' && (found.reason === 'other client' || found.reason === 'other issuer');
}

function notDeleted(cause: unknown): StorageError {
  return new StorageError(
    'Signed out here, but the storage did not delete the tokens. Sign out again, or clear it.',
    {
      operation: 'delete',
      cause,
    },
  );
}
