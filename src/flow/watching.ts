/**
 * Hearing of what others do to a session: another manager, tab, process or machine.
 *
 * @module
 */

import { identityOf } from '../core/login-identity.ts';
import { handedOutUntil } from '../core/reconcile.ts';
import { wholeGrant } from '../core/session-record.ts';
import type { Attempt, Workshop } from './attempt.ts';
import { adopt, nobody } from './conclusion.ts';
import { foretell } from './foretelling.ts';
import { proverOf } from './possession.ts';
import type { Session } from './session.ts';

/**
 * Looks at what is stored after it has changed: takes a newer access token over, and ends the session here if it was
 * ended there. Starts no refresh and sends nothing.
 */
export async function lookAgain(workshop: Workshop, session: Session, refreshBefore: number): Promise<void> {
  const { store, tell } = workshop;
  const { epoch } = session;
  // What we write ourselves is no news, and a login here is newer than whatever it replaces.
  if (session.unsaved !== undefined || session.arriving !== undefined || session.isTakingOver) return;
  // A refresh in this process looks for itself, but not any more when it has landed.
  if (session.flights.length > 0) return lookLater(workshop, session, refreshBefore);
  // Whoever asks meanwhile looks before they act: a page may wake up with a token of yesterday.
  session.doubt();
  const looks = ++session.looks;
  const before = session.held(wholeGrant);
  // What cannot be read, or is not ours, says nothing about the session.
  const found = await store.look(session, tell).catch(() => 'failed' as const);
  if (typeof found === 'string') return;
  // Nor does one whose key cannot be read: who asks next hears of it.
  const prover = found && (await proverOf(workshop, session, found, tell).catch(() => null));
  if (prover === null || session.flights.length > 0) return;
  // What has happened here meanwhile is newer than what was read.
  if (session.epoch !== epoch || session.looks !== looks || session.held(wholeGrant) !== before) return;
  const want = {
    variant: wholeGrant,
    otherThan: undefined,
    refreshBefore,
    scope: undefined,
    resource: undefined,
  };
  const login = found && identityOf(found.record);
  const attempt: Attempt = { session, began: login, login, epoch, prover, tell, late: undefined, want };
  if (found === undefined) return void nobody(attempt);
  const { record } = found;
  const accessToken = record.accessTokens[wholeGrant];
  // Who has asked for nothing yet takes nothing over, but for the tokens of a login.
  const isNew = session.isOut || (session.login !== undefined && session.login.login !== login?.login);
  if (accessToken === undefined || (before === undefined && !isNew)) return;
  if (session.isOver(record)) return;
  if (before?.token !== accessToken.token) session.forget();
  const until = handedOutUntil(accessToken, refreshBefore);
  adopt(workshop, attempt, { accessToken, until }, before?.token);
  foretell(workshop, attempt, record, until);
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
