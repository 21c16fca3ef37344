/**
 * Sign-out: it wins over everything that is under way (law 6).
 *
 * @module
 */

import { ConfigurationError, isConflict, StorageError } from '../core/errors.ts';
import type { SessionEvent } from '../core/events.ts';
import { given } from '../core/given.ts';
import { identityOf } from '../core/login-identity.ts';
import { nothing, ownMembers } from '../core/own-members.ts';
import { type NotRevoked, notRevoked, type RevocationResult } from '../core/revocation.ts';
import { type SessionRecord, secretsIn, toTokenSet, type Unreadable } from '../core/session-record.ts';
import { safeCause } from '../core/transport-failure.ts';
import type { Workshop } from './attempt.ts';
import type { Found } from './fate.ts';
import { forgetKey } from './possession.ts';
import { loginRequired } from './refusal.ts';
import type { Session } from './session.ts';
import { deadline, leavingOn, longestTimer } from './waiting.ts';

/** How to sign out. */
export interface SignOutOptions {
  /** Whether to revoke the tokens at the authorization server (RFC 7009). @default true */
  readonly revoke?: boolean | undefined;
  /**
   * How long to wait for the authorization server, in ms. The request goes on afterwards, as far as the platform lets it;
   * `revocationFinished` reports its result.
   *
   * @default 2_000
   */
  readonly timeout?: number | undefined;
  /** Stops waiting for the authorization server. The session ends anyway, and the request goes on. */
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
  workshop: Workshop,
  session: Session,
  given: SignOutOptions = nothing,
): Promise<SignOutResult> {
  const options = ownMembers(given);
  checkOptions(options);
  const { store, tell } = workshop;
  const error = loginRequired('signed_out');
  const underWay = Promise.allSettled([...session.flights, session.arriving]);
  const unsaved = session.unsaved?.record;
  const { known: wasKnown, login } = session;
  session.end(error);
  session.lateRevocation = undefined;
  const { epoch } = session;
  store.drop(session);
  const { record, unreadable, refusal } = await takeAway(workshop, session);
  store.announceSignOut(session);
  // While it was deleted someone may have signed in again: that session is not ours to end.
  if (session.epoch === epoch) {
    // Not the one in memory: another login may have been stored since, and was signed out of as well.
    session.gone = { error, final: refusal !== undefined, login: record?.login };
  }
  const about = session.about(login ?? (record && identityOf(record)));
  if (wasKnown || record !== undefined) tell({ type: 'signedOut', ...about, where: 'here' });
  const ended = endedBy(unsaved, record);
  const { revoke = true } = options;
  const ending = underWay.then(() =>
    revoke ? end(workshop, session, ended, unreadable) : notRevoked('not_requested'),
  );
  // Each login has its own key, so this one is no longer needed.
  if (refusal === undefined && session.epoch === epoch) {
    for (const one of ended) await forgetKey(workshop, one);
  }
  const result = await awaitEnd(workshop, about, ending, options);
  if (refusal !== undefined) throw refusal;
  return result;
}

/**
 * Returns the records that a sign-out ends. An unsaved record of the stored login is its successor and replaces it. An unsaved record
 * of another login is one that could not be stored: then both are ended.
 */
function endedBy(unsaved: SessionRecord | undefined, stored: SessionRecord | undefined): SessionRecord[] {
  const isSuccessor = unsaved !== undefined && unsaved.login === stored?.login;
  return [unsaved, isSuccessor ? undefined : stored].filter((one) => one !== undefined);
}

function checkOptions({ revoke, timeout }: SignOutOptions): void {
  if (revoke !== undefined && typeof revoke !== 'boolean') {
    throw new ConfigurationError(`signOut({ revoke }): revoke must be true or false.${given(revoke)}`);
  }
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout >= 0 && timeout <= longestTimer)) {
    throw new ConfigurationError(
      `signOut({ timeout }): timeout must be a number of milliseconds from 0 to ${longestTimer}.${given(timeout)}`,
    );
  }
}

/** Waits for the server, but not for long: the page may be about to leave. */
async function awaitEnd(
  { clock, tell }: Workshop,
  about: SessionEvent,
  ending: Promise<RevocationResult>,
  { revoke, timeout = 2_000, signal }: SignOutOptions,
): Promise<RevocationResult> {
  const late = deadline(clock, timeout, () => 'timed_out');
  try {
    return await leavingOn(leavingOn(ending, signal), late.signal);
  } catch {
    if (revoke === false) return notRevoked('not_requested');
    void ending.then((result) => tell({ type: 'revocationFinished', ...about, ...result }));
    return notRevoked(late.signal.aborted ? 'timed_out' : 'aborted');
  } finally {
    late.clear();
  }
}

interface Taken {
  readonly record?: SessionRecord;
  /** Something was stored, but not in a form that shows the tokens. */
  readonly unreadable?: NotRevoked;
  /** The storage did not delete it. */
  readonly refusal?: StorageError;
}

/** Deletes what is stored and gives it back: no token that was stored meanwhile escapes revocation. */
async function takeAway({ store, tell }: Workshop, session: Session): Promise<Taken> {
  const { epoch } = session;
  let taken: Taken = {};
  for (let tries = 0; tries < 10; tries++) {
    try {
      const found = await store.look(session, tell);
      // Someone has signed in again: what is stored now is theirs. Another client's was never ours.
      if (session.epoch !== epoch || found === undefined || isForeign(found)) return taken;
      if (typeof found === 'string') {
        taken = { unreadable: notRevoked('unreadable') };
        break;
      }
      taken = { record: found.record };
      await store.delete(session, found.version, found.record);
      return taken;
    } catch (error) {
      // A refresh elsewhere was stored between our two steps: what it brought has to go as well. What cannot be
      // read can perhaps be deleted.
      if (isConflict(error)) continue;
      if (taken.record === undefined)
        taken = { unreadable: notRevoked('unreadable', { cause: error as Error }) };
      break;
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

/**
 * Revokes what was stored. Tokens of a refresh or login that was under way are revoked as they come. If a refresh replaced the
 * stored refresh token, the end of its successor is the end of the session. Never rejects.
 */
async function end(
  workshop: Workshop,
  { lateRevocation }: Session,
  ended: readonly SessionRecord[],
  unreadable: NotRevoked | undefined,
): Promise<RevocationResult> {
  const late = await lateRevocation?.ended;
  const isReplaced = (record: SessionRecord) =>
    lateRevocation?.refreshTokens.some(
      ([login, successor]) => login === record.login && successor !== record.refreshToken,
    );
  const alive = late?.revoked === true ? ended.filter((record) => !isReplaced(record)) : ended;
  const results = await Promise.all(alive.map((record) => revokeRecord(workshop, record)));
  const all = late === undefined ? results : [late, ...results];
  return all.find(({ revoked }) => !revoked) ?? unreadable ?? all[0] ?? notRevoked('no_tokens');
}

async function revokeRecord(
  { server, endpoint }: Workshop,
  record: SessionRecord,
): Promise<RevocationResult> {
  const { refreshToken } = record;
  const { accessToken } = toTokenSet(record) ?? {};
  try {
    return await endpoint.revoke(await server.resolve(), { refreshToken, accessToken });
  } catch (error) {
    return notRevoked('not_sent', { cause: safeCause(error, secretsIn(record)) });
  }
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
