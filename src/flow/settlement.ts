/**
 * Step 6: what becomes of a refresh token that was sent.
 *
 * @module
 */

import { isConflict, isMisconfigured, type LoginRequiredError } from '../core/errors.ts';
import { isInTrouble } from '../core/failure-class.ts';
import { historyOf } from '../core/failure-history.ts';
import { type FailedRefresh, type Remembered, remember } from '../core/failure-memory.ts';
import { faultOfIdToken } from '../core/id-token.ts';
import { identityOf } from '../core/login-identity.ts';
import { changed, nothing } from '../core/own-members.ts';
import { backoff, handedOutUntil } from '../core/reconcile.ts';
import { type ServerWords, tellable } from '../core/server-words.ts';
import { type AccessToken, type SessionRecord, wholeGrant } from '../core/session-record.ts';
import { succeed } from '../core/succession.ts';
import type { TokenGrant } from '../core/token-grant.ts';
import { authorizationScheme, isSendable } from '../core/token-type.ts';
import { type Attempt, enter, hold, mayReachServer, type Spent, type Workshop } from './attempt.ts';
import { issuersOf } from './authorization-server-source.ts';
import type { Found } from './fate.ts';
import { foretell } from './foretelling.ts';
import { forgetKey } from './possession.ts';
import { loginRequired, refreshFailed, unanswered } from './refusal.ts';
import type { Held } from './session.ts';
import type { Sent } from './token-endpoint.ts';

/** A token, or: decide again on what is stored, or on this record. Failures that end the attempt are thrown. */
export type Step = Held | 'again' | SessionRecord;

export async function settle(workshop: Workshop, attempt: Attempt, spent: Spent, sent: Sent): Promise<Step> {
  switch (sent.kind) {
    case 'granted':
      return await granted(workshop, attempt, spent, sent.grant);
    case 'refused':
      if (sent.error === 'invalid_scope' && isWholeByName(attempt, spent)) {
        return await narrowed(workshop, attempt, spent, sent);
      }
      return sent.failure === 'grant-dead'
        ? await grantDead(workshop, attempt, spent, { ...wordsOf(sent, spent), cause: sent.cause })
        : await failed(workshop, attempt, spent, describe(sent, spent));
    case 'unsent':
      return await failed(workshop, attempt, spent, { kind: 'transient', cause: sent.cause });
    default:
      return await lost(workshop, attempt, spent, sent);
  }
}

async function granted(workshop: Workshop, attempt: Attempt, spent: Spent, grant: TokenGrant): Promise<Step> {
  const { session, want } = attempt;
  const { server, sentAt, scope } = spent;
  const late = { refreshToken: grant.refreshToken, accessToken: grant.accessToken, login: attempt.login };
  // Of the type that goes with the session: a bound one gets no bearer tokens, and without a key nothing else is sent.
  const scheme = spent.record.thumbprint === undefined ? 'Bearer' : 'DPoP';
  const usable =
    authorizationScheme(grant.tokenType, server.profile) === scheme && isSendable(grant.accessToken);
  const issuer = server.issuer ?? server.tokenEndpoint;
  const fault = faultOfIdToken(grant.idToken, spent.record.idToken, spent.record.clientId, issuersOf(server));
  const kept = fault === undefined ? grant : { ...grant, idToken: undefined };
  const { refreshTokenLifetime, narrowsScope } = server.profile ?? nothing;
  const asking = { variant: want.variant, scope, sentAt, issuer, usable, refreshTokenLifetime, narrowsScope };
  const successor = succeed(spent.marked, kept, asking);
  if (session.epoch !== attempt.epoch) {
    await replaceSpent(workshop, attempt, spent, successor);
    return discard(attempt, late);
  }
  const fate = await workshop.store.commit(
    session,
    { record: successor, version: spent.version },
    spent.record.refreshToken,
    attempt.tell,
  );
  // While it was stored: a sign-out here or elsewhere, or a login, or someone who took the lock over from us.
  if (fate === 'signed out' || (fate === 'superseded' && session.epoch !== attempt.epoch)) {
    return discard(attempt, late);
  }
  if (fate === 'superseded' || session.epoch !== attempt.epoch) return 'again';
  if (fault !== undefined)
    attempt.tell({ type: 'idTokenRejected', ...session.about(attempt.login), claim: fault });
  const accessToken = successor.accessTokens[want.variant];
  if (accessToken === undefined) {
    const what = isSendable(grant.accessToken) ? 'token_type' : 'access_token';
    return await unusable(workshop, attempt, { spent, successor }, `unusable ${what}`);
  }
  return use(workshop, attempt, { successor, accessToken, spent });
}

/** It is stored, so its access token may be used. */
function use(
  workshop: Workshop,
  attempt: Attempt,
  { successor, accessToken, spent }: { successor: SessionRecord; accessToken: AccessToken; spent: Spent },
): Held {
  const { session, want } = attempt;
  attempt.login = identityOf(successor); // perhaps the first ID token has come
  enter(attempt);
  const { expiresAt, scope } = accessToken;
  const rotated = successor.refreshToken !== spent.record.refreshToken;
  attempt.tell({ type: 'refreshed', ...session.about(attempt.login), expiresAt, scope, rotated });
  const until = handedOutUntil(accessToken, want.refreshBefore);
  foretell(workshop, attempt, successor, until);
  return hold(workshop, attempt, accessToken, until);
}

/** Law 6: tokens that come after a sign-out are not used. They are revoked when the lock is released. */
function discard(attempt: Attempt, late: Attempt['late']): 'again' {
  attempt.late = late;
  return 'again';
}

/**
 * A sign-out or a login in this process came meanwhile, and may still be on its way to the storage. Until it is there, whoever
 * gets the lock next would find what was spent, and spend it once more. So it goes now: a sign-out would take it away, and what
 * a login replaces is replaced with what the others can live on until then.
 */
async function replaceSpent(
  { store }: Workshop,
  { session, epoch }: Attempt,
  { version }: Spent,
  successor: SessionRecord,
): Promise<void> {
  const isSignedOut = session.gone !== undefined;
  // A login after a sign-out: the sign-out takes it away.
  if (!isSignedOut && session.epoch > epoch + 1) return;
  // By compare-and-set: what has arrived already stays.
  const going = isSignedOut ? store.delete(session, version) : store.write(session, successor, version);
  await going.catch(() => undefined);
}

/** The access token is of a type, or has characters, that we cannot send. Its refresh token is safe. */
async function unusable(
  workshop: Workshop,
  attempt: Attempt,
  { spent, successor }: { readonly spent: Spent; readonly successor: SessionRecord },
  error: string,
): Promise<SessionRecord> {
  const found = await workshop.store.read(attempt.session, attempt.tell);
  // Each of these has rotated the refresh token, and is one more of the same row.
  const before = changed(successor, { failure: spent.record.failure });
  const remembered = rememberIn(workshop, before, attempt, { kind: 'client', error, refused: true });
  const { record } = remembered;
  await workshop.store.write(attempt.session, record, found?.version).catch(() => undefined);
  tellFailure(attempt, remembered);
  return record;
}

/** The whole grant needs no name, but for the narrower access token before it. */
function isWholeByName({ want }: Attempt, { scope }: Spent): boolean {
  return want.variant === wholeGrant && scope !== undefined;
}

/** The server narrows grants for good. Asked once more, without a scope, it gives what is left; the API decides. */
async function narrowed(workshop: Workshop, attempt: Attempt, spent: Spent, sent: Refused): Promise<Step> {
  const { session } = attempt;
  if (session.epoch !== attempt.epoch) return 'again';
  const record = changed(spent.record, { narrowsScope: true });
  try {
    await workshop.store.write(session, record, spent.version);
  } catch (refusal) {
    if (isConflict(refusal)) return 'again';
    return await failed(workshop, attempt, spent, describe(sent, spent));
  }
  attempt.tell({ type: 'scopeNarrowed', ...session.about(attempt.login), requested: spent.scope ?? [] });
  return 'again';
}

/** Law 3: it ends the session only if what is stored is still what we spent. */
async function grantDead(
  workshop: Workshop,
  attempt: Attempt,
  spent: Spent,
  words: ServerWords & { readonly cause?: Error | undefined },
): Promise<Step> {
  const { session } = attempt;
  if (session.epoch !== attempt.epoch) return 'again';
  let final = false;
  try {
    await workshop.store.delete(session, spent.version, spent.record);
  } catch (refusal) {
    // Someone has replaced it meanwhile: what we lost was their gain.
    if (isConflict(refusal)) return 'again';
    final = true;
  }
  // While it was deleted someone may have signed in again.
  if (session.epoch !== attempt.epoch) return 'again';
  const reason = (spent.record.spending?.sends ?? 0) > 0 ? 'answer_lost' : 'invalid_grant';
  const ended: LoginRequiredError = loginRequired(reason, words);
  session.leave({ error: ended, final: false });
  if (final) session.dead = spent.record.refreshToken;
  else void forgetKey(workshop, spent.record);
  attempt.tell({ type: 'sessionEnded', ...session.about(attempt.login), error: ended });
  throw ended;
}

type Refused = Extract<Sent, { kind: 'refused' }>;

function describe(sent: Refused, spent: Spent): FailedRefresh & { readonly cause?: Error | undefined } {
  const kind = sent.failure === 'grant-dead' ? 'client' : sent.failure;
  const { status, retryAfter, cause } = sent;
  return { kind, ...wordsOf(sent, spent), status, retryAfter, refused: !isInTrouble(status), cause };
}

function wordsOf(sent: Refused, { server, secrets }: Spent): ServerWords {
  return tellable(sent, server.profile, secrets);
}

/** Remembers a failure with the record, so that ten callers, tabs or machines do not each find out. */
export async function failed(
  workshop: Workshop,
  attempt: Attempt,
  spent: Pick<Found, 'record' | 'version'>,
  { cause, ...description }: FailedRefresh & { readonly cause?: Error | undefined },
): Promise<Step> {
  const { session } = attempt;
  if (session.epoch !== attempt.epoch) return 'again';
  // An earlier mark stays: this refusal says nothing about the refresh that was never answered.
  const remembered = rememberIn(workshop, spent.record, attempt, description);
  const { record } = remembered;
  // If it cannot be stored our mark stays, and whoever comes next is the more careful for it.
  const written = workshop.store.write(session, record, spent.version);
  const isReplaced = await written.then(() => false, isConflict);
  attempt.cause = cause;
  tellFailure(attempt, remembered);
  // Someone has signed out or in meanwhile: what we read does not count any more.
  return isReplaced ? 'again' : record;
}

function rememberIn(
  workshop: Workshop,
  record: SessionRecord,
  attempt: Attempt,
  seen: FailedRefresh,
): Remembered {
  const { clock, grant } = workshop;
  const { want } = attempt;
  const wasSent = seen.status !== undefined || seen.refused === true;
  const offline = wasSent || mayReachServer(workshop, attempt, record) ? undefined : true;
  const context = { now: clock.now(), random: Math.random(), variant: want.variant, mints: grant.mints };
  return remember(record, { ...seen, offline }, context);
}

/** Emits `refreshFailed` and, once for each row of refusals that will not end by itself, `sessionStuck`. */
function tellFailure(
  { session, login, tell, cause }: Attempt,
  { record, failure, isStuckNow }: Remembered,
): void {
  const error = refreshFailed(failure, failure.at, { history: historyOf(record, failure), cause });
  tell({ type: 'refreshFailed', ...session.about(login), error });
  if (!isStuckNow || isMisconfigured(error)) return;
  tell({ type: 'sessionStuck', ...session.about(login), error });
}

/** Law 5: sent, and no answer. The mark stays stored. */
async function lost(
  workshop: Workshop,
  attempt: Attempt,
  spent: Spent,
  seen: { readonly status?: number; readonly cause?: Error | undefined; readonly strayed?: boolean },
): Promise<Step> {
  const { session } = attempt;
  if (session.epoch !== attempt.epoch) return 'again';
  const { since, sends } = spent.marked.spending ?? { since: 0, sends: 0 };
  const history = historyOf(spent.marked);
  if (workshop.grant.mints === true) {
    // Nothing was spent. Once more at once, and then as after any failure.
    const { status, cause } = seen;
    return sends === 1 && seen.strayed !== true
      ? 'again'
      : await failed(workshop, attempt, spent, { kind: 'transient', status, cause });
  }
  const error = unanswered(sends > 1 ? backoff(sends - 1, 1) : 0, history, seen);
  attempt.tell({ type: 'refreshFailed', ...session.about(attempt.login), error });
  const now = workshop.clock.now();
  // Inside a declared reuse window the same token may be sent again, and the sooner the better.
  const inWindow = now - since < (spent.server.profile?.reuseWindow ?? 0);
  if (sends === 1 && inWindow && seen.strayed !== true) return 'again';
  const accessToken = spent.marked.accessTokens[attempt.want.variant];
  const valid = accessToken !== undefined && accessToken.token !== attempt.want.otherThan;
  const end = accessToken?.expiresAt ?? Number.POSITIVE_INFINITY;
  if (valid && now < end) return hold(workshop, attempt, accessToken, end);
  throw error;
}
