/**
 * Sign-out. It takes precedence over any operation in progress (law sign-out-wins).
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
  /** Revokes the tokens at the authorization server (RFC 7009). @default true */
  readonly revoke?: boolean | undefined;
  /**
   * Time to wait for the authorization server, in ms. The request continues afterwards, if the platform allows it.
   * `revocationFinished` reports its result.
   *
   * @default 2_000
   */
  readonly timeout?: number | undefined;
  /** Stops waiting for the authorization server. The session ends anyway, and the request continues. */
  readonly signal?: AbortSignal | undefined;
}

/** The result of `signOut()`: the authorization server confirmed that the tokens are revoked, or the reason why it did not. */
export type SignOutResult = RevocationResult;

/**
 * Ends the session in memory at once, then in the storage, then at the server.
 *
 * @throws StorageError if the storage did not delete the tokens. They are no longer used in this process.
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
  // During the deletion, the user may have signed in again. That session must not end.
  if (session.epoch === epoch) {
    // The deleted record may be of another login than the one in memory, because a later login may have been stored since.
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
 * Returns the records that a sign-out ends. An unsaved record of the stored login is its successor and replaces it. An unsaved
 * record of another login could not be stored, so both are ended.
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

/** Waits for the server for a short time, because the page may be about to leave. */
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
  /** Latest record of each login that was found. The last one was stored last. */
  readonly records: readonly SessionRecord[];
  /** Result for a stored value whose tokens cannot be read. */
  readonly unreadable?: NotRevoked;
  /** Error of a storage that did not delete the record. */
  readonly storageError?: StorageError;
}

/**
 * Deletes the stored record. Returns all records that were found, because tokens that were stored meanwhile are revoked as well.
 * If a deletion fails, repeats the read and the deletion once, because another process may have stored a login in between.
 */
async function removeStored({ store, emit }: ManagerContext, session: Session): Promise<RemovedRecord> {
  const { epoch } = session;
  let records: readonly SessionRecord[] = [];
  let hasFailed = false;
  for (let tries = 0; tries < 10; tries++) {
    try {
      const found = await store.readOrReject(session, emit);
      // The user has signed in again: the stored record belongs to the new session. A record of another client is not ours.
      if (session.epoch !== epoch || found.kind === 'none' || isForeign(found)) return { records };
      if (found.kind === 'rejected')
        return await deleteUnread(store, session, epoch, { records, unreadable: notRevoked('unreadable') });
      const { record } = found;
      records = [...records.filter(({ login }) => login !== record.login), record];
      await store.delete(session, found.version, record);
      return { records };
    } catch (error) {
      // Between the read and the deletion, another process stored a refresh. Its tokens must be deleted as well.
      if (isConflict(error)) continue;
      if (hasFailed || records.length === 0) return await giveUp(store, session, epoch, records, error);
      hasFailed = true;
    }
  }
  return await deleteUnread(store, session, epoch, { records });
}

/** Handles a record that could be neither read nor deleted by its version. An unreadable record can perhaps be deleted. */
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

/** Deletes the stored value: one that cannot be read, or that changes faster than it can be deleted by its version. */
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
