/**
 * Sign-out: it wins over everything that is under way (law 6).
 *
 * @module
 */
import { isConflict, StorageError } from '../core/errors.ts';
import { type SessionRecord, toTokenSet, type Unreadable } from '../core/session-record.ts';
import type { Workshop } from './attempt.ts';
import type { Found } from './fate.ts';
import { forgetKey } from './possession.ts';
import { loginRequired } from './refusal.ts';
import type { Session } from './session.ts';
import { leavingOn } from './waiting.ts';

/** How to sign out. */
export interface SignOutOptions {
  /** Whether to tell the authorization server to end the grant (RFC 7009). @default true */
  readonly revoke?: boolean | undefined;
  /** Gives up waiting for the server. The local state is cleared all the same. */
  readonly signal?: AbortSignal | undefined;
}

/** What came of a sign-out beyond this side of the network. */
export interface SignOutResult {
  /** `true`: the authorization server confirmed that the tokens are dead. */
  readonly revoked: boolean;
}

/**
 * Ends the session here at once, then where it is stored, then at the server.
 *
 * @throws StorageError when the storage did not delete the tokens. They are not used here any more.
 */
export async function signOut(
  workshop: Workshop,
  session: Session,
  { revoke = true, signal }: SignOutOptions = {},
): Promise<SignOutResult> {
  const { store, tell } = workshop;
  const error = loginRequired('signed_out');
  const underWay = Promise.allSettled([...session.flights, session.arriving]);
  const unsaved = session.unsaved?.record;
  const wasKnown = session.known;
  session.end(error);
  session.lateRevocation = undefined;
  const { epoch } = session;
  store.drop(session);
  const { record, refusal } = await takeAway(workshop, session);
  store.announceSignOut(session);
  // While it was deleted someone may have signed in again: that session is not ours to end.
  if (refusal === undefined && session.epoch === epoch) session.gone = { error, final: false };
  if (wasKnown || record !== undefined) tell({ type: 'signedOut', session: session.id, where: 'here' });
  const last = unsaved ?? record;
  const ending = underWay.then(() => revoke && end(workshop, session, last, signal)).catch(() => false);
  // A key for each login: nobody needs this one any more.
  if (refusal === undefined && session.epoch === epoch) await forgetKey(workshop, last);
  const revoked = await leavingOn(ending, signal).catch(() => false);
  if (refusal !== undefined) throw refusal;
  return { revoked };
}

/** Deletes what is stored and gives it back: no token that was stored meanwhile escapes revocation. */
async function takeAway(
  { store, tell }: Workshop,
  session: Session,
): Promise<{ record?: SessionRecord; refusal?: unknown }> {
  const { epoch } = session;
  let taken: { record?: SessionRecord } = {};
  for (let tries = 0; tries < 10; tries++) {
    try {
      const found = await store.look(session, tell);
      // Someone has signed in again: what is stored now is theirs. Another client's was never ours.
      if (session.epoch !== epoch || found === undefined || isForeign(found)) return taken;
      if (typeof found === 'string') break;
      taken = { record: found.record };
      await store.delete(session, found.version, found.record);
      return taken;
    } catch (error) {
      // A refresh elsewhere was stored between our two steps: what it brought has to go as well. What cannot be
      // read can perhaps be deleted.
      if (!isConflict(error)) break;
    }
  }
  if (session.epoch !== epoch) return taken;
  return await store.delete(session, undefined, taken.record).then(
    () => taken,
    (error: unknown) => ({ ...taken, refusal: stillStored(error) }),
  );
}

function isForeign(found: Found | Unreadable): boolean {
  return found === 'other client' || found === 'other issuer';
}

/** Revokes what was stored. What comes late is revoked as it comes: both have to be confirmed. */
async function end(
  { server, endpoint }: Workshop,
  session: Session,
  record: SessionRecord | undefined,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const late = session.lateRevocation;
  const tokens = record && {
    refreshToken: record.refreshToken,
    accessToken: toTokenSet(record)?.accessToken,
  };
  if (tokens === undefined) return (await late) ?? false;
  const revoked = await endpoint.revoke(await server.resolve(), tokens, signal);
  return (await late) !== false && revoked;
}

function stillStored(cause: unknown): StorageError {
  return new StorageError(
    'Signed out here, but the storage did not delete the tokens. Sign out again, or clear it.',
    {
      operation: 'delete',
      cause,
    },
  );
}
