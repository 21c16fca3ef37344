/**
 * Imports a session that another library has kept, without a login. At every moment the session has one owner and is not lost,
 * even if a process ends:
 *
 * - It is read, stored by tokenkeep and removed from the original place under the lock of the session. One tab or process does
 *   this, and no manager spends a refresh token that the original place still holds.
 * - It is stored before it is removed. If a process ends in between, the session is in both places, and the next process finds
 *   ours and only removes the original. If it were removed first, it would be lost.
 * - A process that finds our record imports nothing: the original was left behind, and may be spent.
 *
 * @module
 */
import type { Version } from '../core/contracts.ts';
import { LockTimeoutError, StorageError } from '../core/errors.ts';
import type { AnyTokenEvent } from '../core/events.ts';
import type { TokenResponse, TokenSet } from '../core/oauth/token-set.ts';
import { loginIdentityOf } from '../core/session/login-identity.ts';
import { type SessionRecord, secretsIn } from '../core/session/session-record.ts';
import type { ManagerContext } from './manager-context.ts';
import { versionOf } from './record-write.ts';
import { reportReplacedRecord } from './revoke-tokens.ts';
import type { Session } from './session.ts';
import { withSessionLock } from './session-lock.ts';
import { createLoginRecord, discardTokens } from './sign-in.ts';
import { unlessConflict } from './storage-error.ts';

/** The session that another library has stored. */
export type LegacyTokens = TokenSet | TokenResponse | { readonly refused: string } | undefined;

/** The place where another library kept its session. */
export interface LegacySession {
  /**
   * Reads the stored tokens. `undefined`: there are none. `{ refused }`: the stored value cannot be used, for this reason. The
   * reason is returned unchanged, so it must not quote the stored text.
   */
  read(): LegacyTokens | Promise<LegacyTokens>;
  /** Removes the tokens, so that no code finds them there again. */
  remove(): void | Promise<void>;
}

/** The result of an import. */
export type ImportResult =
  /**
   * `'imported'`: the session now belongs to tokenkeep. `'not-needed'`: tokenkeep already has a session, or the user has signed
   * in or out meanwhile; the original is removed. `'nothing'`: the original place was empty.
   */
  | { readonly outcome: 'imported' | 'not-needed' | 'nothing' }
  /** The original session cannot be used, and was left alone. */
  | { readonly outcome: 'refused'; readonly reason: string };

/**
 * Imports a session.
 *
 * @throws StorageError and LockTimeoutError if the import could not be done, ConfigurationError for unusable tokens.
 */
export async function importIntoSession(
  context: ManagerContext,
  session: Session,
  legacy: LegacySession,
): Promise<ImportResult> {
  return await new SessionImport(context, session, legacy).run();
}

/** One import. Runs once. */
class SessionImport {
  readonly #context: ManagerContext;
  readonly #session: Session;
  readonly #legacy: LegacySession;
  /** {@link Session.epoch} when the import began. A sign-in or sign-out in this process since then wins. */
  readonly #epoch: number;
  /** Events that are emitted once the lock is released. */
  readonly #events: AnyTokenEvent[] = [];
  /** Tokens of a session that the user has signed out of meanwhile. They are revoked once the lock is released. */
  #orphaned: SessionRecord | undefined = undefined;

  constructor(context: ManagerContext, session: Session, legacy: LegacySession) {
    this.#context = context;
    this.#session = session;
    this.#legacy = legacy;
    this.#epoch = session.epoch;
  }

  async run(): Promise<ImportResult> {
    const context = this.#context;
    const session = this.#session;
    // If the original is gone, it was stored here before. Then this costs one read and no lock.
    if ((await this.#readLegacy()) === undefined) return { outcome: 'nothing' };
    try {
      for (let attempt = 1; attempt <= 3; attempt++) {
        const outcome = await withSessionLock(context, session, {
          run: () => session.work.runImport(() => this.#importUnderLock()),
        });
        if (outcome.kind === 'lock-failed') throw outcome.error;
        if (outcome.kind === 'ran' && outcome.value !== 'retry') return outcome.value;
      }
    } finally {
      if (this.#orphaned !== undefined) discardTokens(context, session, this.#orphaned);
      for (const event of this.#events) context.emit(event);
      reportReplacedRecord(context, session);
    }
    throw new LockTimeoutError(
      'The stored session changes faster than another one can be imported. Try again.',
    );
  }

  async #importUnderLock(): Promise<ImportResult | 'retry'> {
    const context = this.#context;
    const session = this.#session;
    const { store, clock } = context;
    const grantedAt = clock.Date.now();
    const tokens = await this.#readLegacy();
    if (tokens === undefined) return { outcome: 'nothing' };
    const found = await store.readOrReject(session, (event) => void this.#events.push(event));
    const isKept =
      found.kind === 'record' || session.unsaved !== undefined || session.pending.signIn !== undefined;
    if (isKept) return await this.#discardLegacy();
    store.assertNotNewer(found);
    if ('refused' in tokens) return { outcome: 'refused', reason: reasonOf(tokens.refused) };
    const legacy = tokens as TokenSet | TokenResponse;
    const record = await createLoginRecord(context, legacy, undefined, (first) => first);
    if (!this.#isCurrent) return await this.#discardLegacy(record);
    // While a tab was suspended, another one may have taken the lock, imported the session and perhaps ended it.
    if (this.#mayHaveLostLock(grantedAt)) return 'retry';
    // As with a login, a value that is not a session of this client is replaced.
    const version = await store.write(session, record, versionOf(found)).catch(unlessConflict);
    if (version === undefined) return 'retry';
    if (found.kind === 'rejected') store.markReplaced(session, found);
    if (!this.#isCurrent) {
      await store.delete(session, version, record).catch(unlessConflict);
      return await this.#discardLegacy(record);
    }
    await this.#removeOriginal(version, record);
    // During the removal, the user signed in or out here, which also ends the imported session.
    if (!this.#isCurrent) return { outcome: 'not-needed' };
    session.beginLogin(loginIdentityOf(record));
    this.#events.push({ type: 'signedIn', ...session.eventContext(), where: 'here' });
    return { outcome: 'imported' };
  }

  /** `true`: the user has neither signed in nor out in this process since the import began. */
  get #isCurrent(): boolean {
    return this.#session.epoch === this.#epoch;
  }

  async #readLegacy(): Promise<LegacyTokens> {
    const tokens = await this.#context.store.runBounded('read', async () => await this.#legacy.read());
    return tokens ?? undefined;
  }

  /** Removes the original, because tokenkeep has a session, or none is wanted. */
  async #discardLegacy(unwanted?: SessionRecord): Promise<ImportResult> {
    await this.#removeLegacy(unwanted);
    this.#orphaned = unwanted;
    return { outcome: 'not-needed' };
  }

  /**
   * Removes the original.
   *
   * @param record the session whose tokens may be in an error of the application's `remove`
   */
  async #removeLegacy(record: SessionRecord | undefined): Promise<void> {
    const known = () => (record === undefined ? [] : secretsIn(record));
    await this.#context.store.runBounded('delete', async () => await this.#legacy.remove(), known);
  }

  /**
   * Removes the original. A `remove` that removed nothing, for a misspelt name or a read-only storage, would leave two owners.
   * Then our record is deleted again. If the original cannot be read afterwards, our record stays, because otherwise there might
   * be none.
   */
  async #removeOriginal(version: Version, record: SessionRecord): Promise<void> {
    const cause: unknown = await this.#removeLegacy(record).catch((error: unknown) => error);
    const left = await this.#readLegacy().catch(() => undefined);
    if (left === undefined) return;
    await this.#context.store.delete(this.#session, version, record).catch(unlessConflict);
    throw new StorageError(
      'The legacy session is still there after remove(), so it was not imported: make sure that read() and remove() use the same place.',
      { operation: 'delete', cause },
    );
  }

  /**
   * Checks whether the lock may have been lost. A record that is written now must be removed from the original place before the
   * lock is released.
   */
  #mayHaveLostLock(grantedAt: number): boolean {
    const { lock, clock } = this.#context;
    const elapsed = clock.Date.now() - grantedAt;
    return lock.lease !== undefined && (elapsed < 0 || elapsed > lock.lease / 2);
  }
}

/** Returns the reason of a refusal by foreign code as text. Nothing may throw under the lock. */
function reasonOf(refused: unknown): string {
  return typeof refused === 'string' ? refused : 'The legacy session cannot be used.';
}
