/**
 * Reads of a session in this process, and their effects in memory.
 *
 * @module
 */
import type { Version } from '../core/contracts.ts';
import type { AnyTokenEvent, SessionEvent } from '../core/events.ts';
import { bearerCredentials, type RequestCredentials } from '../core/http/request-credentials.ts';
import type { DpopKey } from '../core/oauth/dpop-key.ts';
import { type LoginIdentity, loginIdentityOf } from '../core/session/login-identity.ts';
import {
  isOfflineBelieved,
  type RefreshDecision,
  reconcile,
  type TokenRequirement,
} from '../core/session/refresh-decision.ts';
import { type AccessToken, type SessionRecord, secretsIn } from '../core/session/session-record.ts';
import { isOnline } from '../platform/environment.ts';
import { randomId } from '../platform/web-crypto.ts';
import { loadKey } from './dpop-session.ts';
import type { ManagerContext } from './manager-context.ts';
import type { FoundRecord, VersionedRecord } from './record-write.ts';
import type { CachedToken, Session } from './session.ts';
import { loginRequired } from './session-errors.ts';

/**
 * Largest difference between the clocks of processes that share a storage, in ms. A marker that is older or newer is obsolete.
 */
const maxClockSkew = 300_000;

/** The identity of a record that does not name its login. */
const unknownLogin: LoginIdentity = { login: undefined, issuer: undefined, subject: undefined };

/** A stored access token and the end of its use, in Unix ms. */
export interface UsableToken {
  readonly accessToken: AccessToken;
  readonly until: number;
}

/** The state of a session. */
export type LoadedRecord =
  | FoundRecord
  /** Nothing is stored, and the session begins without a login. */
  | { readonly kind: 'not-created' }
  | { readonly kind: 'none' };

/**
 * One read of a session. Its result takes effect in memory only if the user has neither signed in nor out in this process since
 * the read began. A sign-in or sign-out begins a new epoch.
 */
export class SessionReading {
  readonly #context: ManagerContext;
  readonly #session: Session;
  readonly #emit: (event: AnyTokenEvent) => void;
  /** {@link Session.epoch} when the read began. */
  #epoch: number;
  #login: LoginIdentity | undefined = undefined;
  #dpopKey: DpopKey | undefined = undefined;

  /** @param emit emits an event, or collects it until the lock is released. */
  constructor(context: ManagerContext, session: Session, emit: (event: AnyTokenEvent) => void) {
    this.#context = context;
    this.#session = session;
    this.#emit = emit;
    this.#epoch = session.epoch;
  }

  /** Login of the record that was read. `undefined`: no record was read. */
  get login(): LoginIdentity | undefined {
    return this.#login;
  }

  /** Key that the record is bound to. `undefined`: its tokens are bearer tokens. */
  get dpopKey(): DpopKey | undefined {
    return this.#dpopKey;
  }

  /** Members of events about that login. */
  get eventContext(): SessionEvent {
    return this.#session.eventContext(this.#login);
  }

  /** `true`: the user has neither signed in nor out in this process since the read began. */
  get isCurrent(): boolean {
    return this.#session.epoch === this.#epoch;
  }

  /** Number of sign-ins and sign-outs in this process since the read began. */
  get age(): number {
    return this.#session.epoch - this.#epoch;
  }

  /** Reads the session from memory or the storage (step 3). */
  async load(): Promise<LoadedRecord> {
    const session = this.#session;
    const { grant, store } = this.#context;
    const isStateless = grant.kind === 'client-credentials';
    while (session.pending.signIn !== undefined) await session.pending.signIn.catch(() => undefined);
    const { ended } = session;
    if (ended?.kind === 'still-stored' && !isStateless) {
      // The user has signed out, but the record was not deleted. Only a later login elsewhere makes the session valid again.
      if (ended.login === undefined) return { kind: 'none' };
      const stored = await store.read(session, this.#emit).catch(() => undefined);
      // During the read, the record may have been deleted.
      return stored === undefined || session.ended !== ended || session.hasEnded(stored.record)
        ? { kind: 'none' }
        : stored;
    }
    // A successor that the storage refused is newer than the stored record.
    const { unsaved } = session;
    if (unsaved !== undefined) return unsaved;
    // The user signed out of a session that this process has seen and that is gone. Only a login begins the next one.
    const hasEnded = !isStateless && (session.hasSeenTokens || session.ended !== undefined);
    const found = await store.read(session, this.#emit);
    if (found !== undefined) return found;
    if (grant.kind !== 'refresh-token' && !hasEnded) return { kind: 'not-created' };
    session.noteEmpty();
    return { kind: 'none' };
  }

  /**
   * Reads the session under the lock. Creates a session that needs no login, unless a refresh that began before a sign-out is
   * still in progress. Its tokens would be taken for those of the new session (law sign-out-wins).
   */
  async loadOrCreate(): Promise<LoadedRecord> {
    const loaded = await this.load();
    if (loaded.kind !== 'not-created') return loaded;
    const { grant, store, clock, dpop, server } = this.#context;
    const initial = async () => ({
      accessTokens: {},
      issuer: server.issuers[0],
      ...(grant.kind === 'token-handler'
        ? { ...grant.initialRecord(clock.Date.now()), login: randomId().slice(0, 8) }
        : // There is no login, so the key is created here.
          await store.runBounded('write', async () => await dpop?.createSessionKey())),
    });
    return (await store.readOrCreate(this.#session, initial, this.#emit)) ?? { kind: 'none' };
  }

  /**
   * Takes the record that was found. Loads the key that it is bound to before any part of it is used.
   *
   * @throws LoginRequiredError `no_key`: without its key a session cannot be used, and no token of it is sent.
   * @throws StorageError if the key cannot be read at the moment.
   */
  async take({ record, version }: VersionedRecord): Promise<void> {
    const { dpop } = this.#context;
    const isBearer = record.thumbprint === undefined && dpop?.allowsBearerTokens !== false;
    if (!isBearer) this.#dpopKey = await this.#loadKey(record, version);
    this.setRecord(record);
  }

  async #loadKey(record: SessionRecord, version: Version | undefined): Promise<DpopKey> {
    const session = this.#session;
    const { thumbprint } = record;
    const { dpopKey: known } = session;
    if (known !== undefined && known.thumbprint === thumbprint) return known;
    const dpopKey =
      thumbprint === undefined
        ? undefined
        : await loadKey(this.#context, thumbprint, () => secretsIn(record));
    if (dpopKey === undefined) {
      if (session.noteRejected(version))
        this.#emit({ type: 'recordRejected', ...session.eventContext(), reason: 'key lost' });
      throw loginRequired('no_key');
    }
    session.bindTo(dpopKey);
    return dpopKey;
  }

  /** Takes a record whose key is known. */
  setRecord(record: SessionRecord, dpopKey: DpopKey | undefined = this.#dpopKey): void {
    this.#login = loginIdentityOf(record);
    this.#dpopKey = dpopKey;
  }

  /**
   * Takes the record that was found, and decides on the next operation (step 4).
   *
   * @param initialLogin the login under which the token was first needed. If none was known, it is that of the record.
   * @throws LoginRequiredError and StorageError, as {@link take} does.
   */
  async decide(
    found: VersionedRecord,
    requirement: TokenRequirement,
    initialLogin: LoginIdentity | undefined,
  ): Promise<RefreshDecision> {
    await this.take(found);
    const { record } = found;
    const { clock, server, grant } = this.#context;
    // Only a refresh without a response needs the reuse window. Resolving it may take a request.
    const known = record.pendingRefresh && (await server.resolve().catch(() => undefined));
    const now = clock.Date.now();
    const needed = { ...requirement, login: initialLogin ?? this.#login };
    const decision = reconcile(record, needed, {
      now,
      login: this.#login,
      invalidRefreshToken: this.#session.invalidRefreshToken,
      reuseWindow: known?.profile?.reuseWindow ?? 0,
      // Read only after a failure without a network.
      get online() {
        return mayReachServer(record, requirement, now);
      },
      inProgressUntil: this.#inProgressUntil(record, now),
      isStateless: grant.kind === 'client-credentials',
    });
    if (decision.kind === 'use-stored') this.notifyRefreshTokenExpiry(record, decision.until);
    return decision;
  }

  /**
   * Returns the time until which a marker is left alone. By then the request has ended, and its response is stored if the sender
   * is still running without the lock. The time counts from when this process first saw the marker, by its own clock. A lock that
   * ends only with its holder needs no such wait.
   */
  #inProgressUntil({ pendingRefresh }: SessionRecord, now: number): number {
    const { lock, timeout, managerId, grant } = this.#context;
    const session = this.#session;
    // Without a refresh token nothing is spent, so repeating the request is harmless.
    if (!lock.mayBeLost || pendingRefresh === undefined || grant.kind === 'client-credentials') return 0;
    const { by, latest } = pendingRefresh;
    if ((by === managerId && !session.pending.hasRequest) || Math.abs(now - latest) > maxClockSkew) return 0;
    return session.markerSeenAt(by, latest, now) + timeout + 5_000;
  }

  /**
   * Makes the login of the record the current one. If it replaces another login, emits `signedIn`.
   *
   * @returns whether it replaced another login.
   */
  switchLogin(): boolean {
    const session = this.#session;
    if (!this.isCurrent) return false;
    const former = session.switchLogin(this.#login ?? unknownLogin);
    this.#epoch = session.epoch;
    if (former === undefined) return false;
    const replaced = { login: former.login, subject: former.subject };
    this.#emit({ type: 'signedIn', ...session.eventContext(), where: 'elsewhere', replaced });
    return true;
  }

  /** Puts an access token of the current login into memory, with its credentials. */
  cacheToken(variant: string, { accessToken, until }: UsableToken): CachedToken {
    const session = this.#session;
    const before = session.cachedToken(variant);
    const cached: CachedToken =
      before?.token === accessToken.token
        ? { ...before, until }
        : {
            token: accessToken.token,
            login: this.#login ?? unknownLogin,
            credentials: this.#credentials(),
            until,
            expiresAt: accessToken.expiresAt ?? Number.POSITIVE_INFINITY,
            scope: accessToken.scope,
            promise: undefined,
          };
    // After a sign-out or a login in this process, only the calls that already wait receive the token.
    if (this.isCurrent) session.cacheToken(variant, cached);
    return cached;
  }

  /** Returns the credentials of requests. Only this method chooses them. Later code uses those of the {@link CachedToken}. */
  #credentials(): RequestCredentials {
    const { grant } = this.#context;
    if (grant.kind === 'token-handler') return grant.credentials;
    return this.#dpopKey?.credentials ?? bearerCredentials;
  }

  /**
   * Adopts an access token that another process received, by a refresh or by a login where no user was signed in. Emits the
   * matching event.
   *
   * @param before the access token that was in memory.
   */
  adoptToken(variant: string, usable: UsableToken, before: string | undefined): CachedToken {
    const session = this.#session;
    const { isSignedOut: wasSignedOut } = session;
    const { isCurrent } = this;
    const isOtherLogin = this.switchLogin();
    const cached = this.cacheToken(variant, usable);
    // No event is emitted about a login that is no longer current.
    if (isOtherLogin || !isCurrent) return cached;
    if (wasSignedOut) this.#emit({ type: 'signedIn', ...this.eventContext, where: 'elsewhere' });
    else if (before !== undefined && before !== cached.token) {
      const { expiresAt } = usable.accessToken;
      this.#emit({ type: 'adopted', ...this.eventContext, expiresAt });
    }
    return cached;
  }

  /** Ends the session here if its tokens were seen before and nothing is stored any more: the user signed out elsewhere. */
  endIfSignedOut(): Error {
    const session = this.#session;
    if (session.ended !== undefined) return session.ended.error;
    if (!session.hasSeenTokens || !this.isCurrent) return loginRequired('no_tokens');
    this.#emit({ type: 'signedOut', ...session.eventContext(), where: 'elsewhere' });
    const error = loginRequired('signed_out');
    session.markEnded(error);
    return error;
  }

  /**
   * Emits `refreshTokenExpiring` once for each expiry. It needs no timer: it is called whenever tokens are put into memory, and
   * covers the time until `until`, when the next call is due.
   */
  notifyRefreshTokenExpiry({ refreshTokenEnd: end }: SessionRecord, until: number): void {
    const session = this.#session;
    if (end === undefined) return;
    const { clock, refreshTokenExpiringBefore } = this.#context;
    const from = end.at - Math.min(refreshTokenExpiringBefore, Math.max(0, end.at - end.since) / 4);
    const next = Math.max(clock.Date.now(), Number.isFinite(until) ? until : 0);
    if (next < from || !session.noteExpiry(end.at)) return;
    this.#emit({ type: 'refreshTokenExpiring', ...this.eventContext, expiresAt: end.at });
  }
}

/** Checks whether a request may reach the server, as far as is known. */
export function mayReachServer(record: SessionRecord, requirement: TokenRequirement, now: number): boolean {
  return isOnline() || !isOfflineBelieved(record, requirement, now);
}
