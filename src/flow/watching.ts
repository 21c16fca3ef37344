/**
 * Hearing of what others do to a session: another manager, tab, process or machine.
 *
 * @module
 */
import { handedOutUntil } from '../core/reconcile.ts';
import { wholeGrant } from '../core/session-record.ts';
import { type Attempt, hold, type Workshop } from './attempt.ts';
import { foretell } from './foretelling.ts';
import { proverOf } from './possession.ts';
import { loginRequired } from './refusal.ts';
import type { Session } from './session.ts';

/**
 * Looks at what is stored after it has changed: takes a newer access token over, and ends the session here if it was
 * ended there. Starts no refresh and sends nothing.
 */
export async function lookAgain(workshop: Workshop, session: Session, refreshBefore: number): Promise<void> {
  const { store, tell } = workshop;
  const { epoch } = session;
  if (session.unsaved !== undefined) return;
  // A refresh in this process looks for itself, but not any more when it has landed.
  if (session.flights.length > 0) return lookLater(workshop, session, refreshBefore);
  // Whoever asks meanwhile looks before they act: a page may wake up with a token of yesterday.
  session.doubt();
  const before = session.held(wholeGrant);
  // What cannot be read, or is not ours, says nothing about the session.
  const found = await store.look(session, tell).catch(() => 'failed' as const);
  if (typeof found === 'string') return;
  // Nor does one whose key cannot be read: who asks next hears of it.
  const prover = found && (await proverOf(workshop, session, found, tell).catch(() => null));
  if (prover === null || session.flights.length > 0) return;
  // What has happened here meanwhile is newer than what was read.
  if (session.epoch !== epoch || session.held(wholeGrant) !== before) return;
  if (found === undefined) {
    if (before === undefined || session.gone !== undefined) return;
    session.forget();
    session.gone = { error: loginRequired('signed_out'), final: false };
    tell({ type: 'signedOut', session: session.id, where: 'elsewhere' });
    return;
  }
  const accessToken = found.record.accessTokens[wholeGrant];
  if (accessToken === undefined || before === undefined) return;
  const isNew = before.token !== accessToken.token;
  if (isNew) session.forget();
  const want = {
    variant: wholeGrant,
    otherThan: undefined,
    refreshBefore,
    scope: undefined,
    resource: undefined,
  };
  const attempt: Attempt = { session, epoch, prover, tell, late: undefined, want };
  const until = handedOutUntil(accessToken, refreshBefore);
  hold(workshop, attempt, accessToken, until);
  if (isNew) tell({ type: 'adopted', session: session.id, expiresAt: accessToken.expiresAt });
  foretell(workshop, attempt, found.record, until);
}

/** Sessions that will be looked at when their refreshes have landed: once, however much has changed by then. */
const waiting: WeakSet<Session> = new WeakSet();

async function lookLater(workshop: Workshop, session: Session, refreshBefore: number): Promise<void> {
  if (waiting.has(session)) return;
  waiting.add(session);
  await Promise.allSettled(session.flights);
  waiting.delete(session);
  await lookAgain(workshop, session, refreshBefore);
}
