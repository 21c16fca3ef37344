/**
 * A session that another library has kept becomes one of ours, without a login. Whatever dies wherever, it has one owner and
 * is not lost:
 *
 * - It is read, stored by us and removed there under the lock of the session, so of all tabs or processes one does it, and no
 *   refresh token is spent by a manager while the former place still has it.
 * - Stored comes before removed: who dies between the two leaves it in both places, and whoever comes next finds ours and only
 *   removes. Removed first, it would be nowhere.
 * - Who finds ours takes nothing: what is there is what was left behind, and may be spent.
 *
 * @module
 */
import type { Version } from '../core/contracts.ts';
import { isConflict, isTokenKeepError, LockTimeoutError, StorageError } from '../core/errors.ts';
import type { AnyTokenEvent } from '../core/events.ts';
import { identityOf } from '../core/login-identity.ts';
import { type SessionRecord, secretsIn, toTokenSet } from '../core/session-record.ts';
import type { TokenResponse, TokenSet } from '../core/token-set.ts';
import { safeCause } from '../core/transport-failure.ts';
import type { LateTokens, Workshop } from './attempt.ts';
import type { Inside } from './inside.ts';
import { discardLate } from './late-tokens.ts';
import { takeTurn } from './lock-turn.ts';
import type { Session } from './session.ts';
import { firstRecord, type SignInOptions } from './sign-in.ts';
import { sweep } from './sweep.ts';

/** What was found where a library before kept its session. */
export type FormerTokens = TokenSet | TokenResponse | { readonly refused: string } | undefined;

/** Where a library before kept its session. */
export interface FormerSession {
  /**
   * The tokens there; `undefined`: there are none; `{ refused }`: there is something that cannot be used, and why. The reason is
   * handed on as it is, so it must not quote what was found.
   */
  read(): FormerTokens | Promise<FormerTokens>;
  /** Removes them, so that no code finds them there again. */
  remove(): void | Promise<void>;
}

/** What came of it. */
export type TakeOver =
  /**
   * `'taken-over'`: it is our session now. `'not-needed'`: there is a session of ours, or somebody has signed in or out
   * meanwhile; what was there is gone. `'nothing'`: nothing was there.
   */
  | { readonly outcome: 'taken-over' | 'not-needed' | 'nothing' }
  /** What was there cannot be used, and was left alone. */
  | { readonly outcome: 'refused'; readonly reason: string };

/** One that is under way. */
interface Moving {
  readonly workshop: Workshop;
  readonly options: SignInOptions;
  readonly session: Session;
  readonly former: FormerSession;
  /** {@link Session.epoch} when it began: who signs in or out meanwhile in this process wins. */
  readonly epoch: number;
  /** What is told once the lock is released. */
  readonly events: AnyTokenEvent[];
  /** Tokens of a session that somebody has signed out of meanwhile, to be revoked once the lock is released. */
  late: LateTokens | undefined;
}

/** @throws StorageError and LockTimeoutError when it could not be done, ConfigurationError for tokens that cannot be used. */
export async function takeOver(inside: Inside, former: FormerSession): Promise<TakeOver> {
  const { session, assembly } = inside;
  const { workshop, signIn: options } = assembly;
  const { epoch } = session;
  const moving: Moving = { workshop, options, session, former, epoch, events: [], late: undefined };
  // What is not there any more was stored by us before it was removed: this costs one look, and no lock, for ever after.
  if ((await read(moving)) === undefined) return { outcome: 'nothing' };
  try {
    for (let turn = 1; turn <= 3; turn++) {
      const moved = await takeTurn(workshop, session, {
        run: () => {
          session.isTakingOver = true;
          return move(moving).finally(() => {
            session.isTakingOver = false;
          });
        },
        isSettled: async () => false,
      });
      if ('instead' in moved) throw notGranted(moved.instead);
      if (moved.ran !== 'again') return moved.ran;
    }
  } finally {
    if (moving.late !== undefined) discardLate(workshop, session, moving.late);
    for (const event of moving.events) workshop.tell(event);
    sweep(workshop, session);
  }
  throw new LockTimeoutError('What is stored changes faster than a session can be taken over. Try again.');
}

/** Under the lock. */
async function move(moving: Moving): Promise<TakeOver | 'again'> {
  const { workshop, session, options, events } = moving;
  const { store, clock } = workshop;
  const grantedAt = clock.now();
  const tokens = await read(moving);
  if (tokens === undefined) return { outcome: 'nothing' };
  const found = await store.look(session, (event) => void events.push(event));
  const isKept = typeof found === 'object' || session.unsaved !== undefined || session.arriving !== undefined;
  if (isKept) return await discard(moving);
  store.refuseNewer(found);
  if ('refused' in tokens) return { outcome: 'refused', reason: reasonOf(tokens.refused) };
  const former = tokens as TokenSet | TokenResponse;
  const record = await firstRecord(workshop, former, options, (first) => first);
  if (session.epoch !== moving.epoch) return await discard(moving, record);
  // A tab that has slept may have lost its turn to another one, which took the session over and perhaps ended it.
  if (hasSlept(moving, grantedAt)) return 'again';
  // What is no session of ours is replaced, as by a login.
  const before = found === undefined ? undefined : session.rejected;
  const version = await store.write(session, record, before).catch(unlessConflict);
  if (version === undefined) return 'again';
  if (found !== undefined) store.markReplaced(session);
  if (session.epoch !== moving.epoch) {
    await store.delete(session, version, record).catch(unlessConflict);
    return await discard(moving, record);
  }
  await letGo(moving, version, record);
  // During the removal a sign-in or sign-out has happened here, which also ends the session that was taken over.
  if (session.epoch !== moving.epoch) return { outcome: 'not-needed' };
  session.begin(identityOf(record));
  events.push({ type: 'signedIn', ...session.about(), where: 'here' });
  return { outcome: 'taken-over' };
}

/** Returns the reason of a refusal by foreign code as text. Nothing may throw under the lock. */
function reasonOf(refused: unknown): string {
  return typeof refused === 'string' ? refused : 'The former session cannot be used.';
}

async function read({ workshop, former }: Moving): Promise<FormerTokens> {
  const tokens = await workshop.store.bounded('read', async () => await former.read());
  return tokens ?? undefined;
}

/** There is a session of ours, or none is wanted. */
async function discard(moving: Moving, unwanted?: SessionRecord): Promise<TakeOver> {
  const { workshop, former } = moving;
  const known = () => (unwanted === undefined ? [] : secretsIn(unwanted));
  await workshop.store.bounded('delete', async () => await former.remove(), known);
  if (unwanted !== undefined) {
    const accessToken = toTokenSet(unwanted)?.accessToken ?? '';
    moving.late = { refreshToken: unwanted.refreshToken, accessToken, login: identityOf(unwanted) };
  }
  return { outcome: 'not-needed' };
}

/**
 * Removes what is ours now. A `remove` that has removed nothing, for a name that is not quite right or a storage that is read-only,
 * would leave two owners: then ours goes again. Where nobody can say what is left, ours stays, or there would be none.
 */
async function letGo(moving: Moving, version: Version, record: SessionRecord): Promise<void> {
  const { store } = moving.workshop;
  const known = () => secretsIn(record);
  const removal = store.bounded('delete', async () => await moving.former.remove(), known);
  const cause = await removal.then(
    () => undefined,
    (error: unknown) => error,
  );
  const left = await read(moving).catch(() => undefined);
  if (left === undefined) return;
  await store.delete(moving.session, version, record).catch(unlessConflict);
  throw new StorageError(
    'The former session is still there after remove(), so it was not taken over: see that read() and remove() mean the same place.',
    { operation: 'delete', cause },
  );
}

/** What is written now has to be removed there before the lock is somebody else's. */
function hasSlept({ workshop }: Moving, grantedAt: number): boolean {
  const { lock, clock } = workshop;
  const elapsed = clock.now() - grantedAt;
  return lock.lease !== undefined && (elapsed < 0 || elapsed > lock.lease / 2);
}

function unlessConflict(error: unknown): undefined {
  if (!isConflict(error)) throw error;
}

function notGranted(instead: unknown): Error {
  return isTokenKeepError(instead)
    ? instead
    : new LockTimeoutError('The lock of the session failed.', { cause: safeCause(instead, []) });
}
