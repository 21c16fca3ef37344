/**
 * The state of a session in this process: who is signed in, and the access tokens in memory.
 *
 * @module
 */
import type { Version } from '../core/contracts.ts';
import type { LoginRequiredError } from '../core/errors.ts';
import type { SessionEvent } from '../core/events.ts';
import { fingerprint } from '../core/fingerprint.ts';
import type { RequestCredentials } from '../core/http/request-credentials.ts';
import type { DpopKey } from '../core/oauth/dpop-key.ts';
import { isSameLogin, type LoginIdentity } from '../core/session/login-identity.ts';
import { type SessionRecord, wholeGrant } from '../core/session/session-record.ts';
import { nothingPending, type OngoingWork, PendingWork, type Writable } from './pending-work.ts';
import type { UnsavedRecord } from './record-write.ts';
import type { SessionEnd, SessionState } from './session-state.ts';

/** An access token in memory, with its credentials. */
export interface CachedToken {
  readonly token: string;
  /** Login that the token was issued to. */
  readonly login: LoginIdentity;
  /** Credentials for requests to protected resources. */
  readonly credentials: RequestCredentials;
  /** End of its use, in Unix ms of this process's clock. */
  readonly until: number;
  /** Expiry of the token, in Unix ms. */
  readonly expiresAt: number;
  /** Scope that the token was issued with, if known. */
  readonly scope: readonly string[] | undefined;
  /** The token as a resolved promise. `undefined`: the application has not asked for it so far. */
  promise: Promise<string> | undefined;
}

/** Access tokens other than that of the whole grant. Most sessions have none. */
interface OtherTokens {
  /** Access tokens in memory, by variant. */
  variants?: Map<string, CachedToken>;
  /** Access tokens that were rejected and have no successor yet, by variant. */
  rejected?: Map<string, string> | undefined;
  /**
   * Logins of access tokens that are no longer in memory, by {@link fingerprint}. A caller may still report such a token as
   * rejected.
   */
  replaced?: Map<number, LoginIdentity>;
}

/** Memory of previous reads and reports. Most sessions have none. */
interface SeenBefore {
  /** The expiry of the refresh token for which `refreshTokenExpiring` was emitted. */
  readonly expiry?: number;
  /** The last stored value that was reported as unusable. */
  readonly rejectedVersion?: Version | undefined;
  /** Last pending-refresh marker of another process, and the time when this process first saw it. */
  readonly foreignMarker?: { readonly by: string; readonly latest: number; readonly at: number };
}

/** One synchronisation with the storage. */
export interface StorageSync {
  /** Access token for the whole grant that was in memory when the synchronisation began. */
  readonly before: CachedToken | undefined;
  /**
   * Checks whether the record that was read is still current: this process has neither signed in or out nor received a token
   * since.
   */
  isCurrent(): boolean;
}

/** Number of replaced access tokens whose login a session remembers. */
const maxReplacedTokens = 32;

/**
 * One session. Managers with the same session id share the object. It holds no timer. An idle one costs a few hundred bytes.
 *
 * Only its methods change its fields. Each method is named after the event that it records.
 */
export class Session {
  readonly id: string;
  /** The key of its record in the storage. */
  readonly key: string;
  #pending: PendingWork = nothingPending;
  /** Kind of the {@link SessionState}. Only {@link Session.#enter} changes it and the two fields that belong to it. */
  #kind: SessionState['kind'] = 'unknown';
  /** Last known login, as part of the state. `undefined`: no login is known, or the session has ended. */
  readonly login: LoginIdentity | undefined = undefined;
  /** End of the session, as part of the state. `undefined`: the session has not ended, as seen by this process. */
  readonly ended: SessionEnd | undefined = undefined;
  /**
   * Number of logins and sign-outs in this process and of those found in the storage. A refresh from an earlier epoch must not
   * change the storage.
   */
  readonly epoch: number = 0;
  /** `true`: this process has seen tokens of the session, perhaps before it ended. */
  readonly hasSeenTokens: boolean = false;
  /** Record that the storage has refused so far. */
  readonly unsaved: UnsavedRecord | undefined = undefined;
  /** Key that the session is bound to. `undefined`: the session has no key, or did not need it so far. */
  readonly dpopKey: DpopKey | undefined = undefined;
  /** Refresh token that the server has rejected and the storage has not deleted. */
  readonly invalidRefreshToken: string | undefined = undefined;
  /** Access token for the whole grant. It has its own field, because almost every call uses it. */
  #wholeGrantToken: CachedToken | undefined = undefined;
  #otherTokens: OtherTokens | undefined = undefined;
  /** Number of the latest {@link StorageSync}. */
  #syncSequence = 0;
  #seen: SeenBefore | undefined = undefined;

  constructor(id: string, key: string) {
    this.id = id;
    this.key = key;
  }

  /** This session with writable fields. They are read-only outside this class. */
  get #own(): Writable<Session> {
    return this;
  }

  /** Refreshes, sign-in and import that are in progress. {@link Session.work} begins another one. */
  get pending(): OngoingWork {
    return this.#pending;
  }

  /** Pending work that can begin an operation. An idle session keeps no such object. */
  get work(): PendingWork {
    if (this.#pending !== nothingPending) return this.#pending;
    const work = new PendingWork(() => {
      if (this.#pending === work) this.#pending = nothingPending;
    });
    this.#pending = work;
    return work;
  }

  #enter({ kind, login, ended }: SessionState): void {
    this.#kind = kind;
    this.#own.login = login;
    this.#own.ended = ended;
  }

  /** `true`: no user is signed in, as seen by this process. */
  get isSignedOut(): boolean {
    return this.#kind === 'empty' || this.#kind === 'ended';
  }

  /** Checks whether work that began under `login` may continue under the current login. */
  isSameLogin(login: LoginIdentity | undefined): boolean {
    const current = this.login;
    return login === current || isSameLogin(login, current);
  }

  /** Returns the members of every event: the session and the login. */
  eventContext(login: LoginIdentity | undefined = this.login): SessionEvent {
    return { session: this.id, login: login?.login, subject: login?.subject };
  }

  /** Checks whether a record belongs to the session that has ended. The storage may not have deleted it, or may hold it again. */
  hasEnded({ refreshToken, login }: SessionRecord): boolean {
    const { ended } = this;
    const isEndedLogin =
      ended?.kind === 'still-stored' &&
      (ended.login === undefined || login === undefined || login === ended.login);
    return isEndedLogin || (refreshToken !== undefined && refreshToken === this.invalidRefreshToken);
  }

  /** Notes that a record with tokens was read. */
  noteTokensSeen(): void {
    this.#own.hasSeenTokens = true;
  }

  /** Notes that the storage is empty. Access tokens in memory stay in use. */
  noteEmpty(): void {
    if (this.#kind !== 'ended') this.#enter({ kind: 'empty', login: this.login });
  }

  /** Notes the login of a record that was read, if none is known yet. */
  noteLogin(login: LoginIdentity): void {
    if (this.login === undefined) this.#setLogin(login);
  }

  #setLogin(login: LoginIdentity): void {
    const { ended } = this;
    if (ended !== undefined) this.#enter({ kind: 'ended', ended, login });
    else this.#enter({ kind: this.#kind === 'empty' ? 'empty' : 'signed-in', login });
  }

  /**
   * Follows a login that was found in the storage. If it replaces another login, begins a new epoch.
   *
   * @returns the replaced login. `undefined`: none was known, or it is the same one.
   */
  switchLogin(login: LoginIdentity): LoginIdentity | undefined {
    const { login: former } = this;
    this.#setLogin(login);
    if (former === undefined || (former.login === login.login && isSameLogin(former, login)))
      return undefined;
    this.#startEpoch();
    return former;
  }

  /** Begins a login in this process and a new epoch. */
  beginLogin(login: LoginIdentity, dpopKey?: DpopKey): void {
    this.#startEpoch();
    this.#enter({ kind: 'signed-in', login });
    this.#own.dpopKey = dpopKey;
    this.#own.invalidRefreshToken = undefined;
    this.#own.hasSeenTokens = true;
  }

  /**
   * Signs out in memory and begins a new epoch. {@link finishSignOut} follows when the storage has deleted the record, or has
   * failed.
   */
  signOut(error: LoginRequiredError): void {
    this.#startEpoch();
    this.#pending.trackOrphanRevocation(undefined);
    this.#enter({
      kind: 'ended',
      ended: { kind: 'still-stored', error, login: undefined },
      login: undefined,
    });
  }

  /** Notes the state in which the sign-out of this epoch has left the storage. */
  finishSignOut(ended: SessionEnd): void {
    if (this.ended !== undefined) this.#enter({ kind: 'ended', ended, login: this.login });
  }

  /**
   * Ends the session because of a sign-out elsewhere, or because the server rejected its refresh token. The epoch continues.
   *
   * @param invalidRefreshToken the rejected refresh token, if the storage did not delete it.
   */
  markEnded(error: LoginRequiredError, invalidRefreshToken?: string): void {
    this.clearCache();
    this.#pending.detachFlights();
    this.#enter({ kind: 'ended', ended: { kind: 'removed', error }, login: undefined });
    if (invalidRefreshToken !== undefined) this.#own.invalidRefreshToken = invalidRefreshToken;
  }

  /** Removes the former login from memory. Refreshes in progress for it no longer have an effect. */
  #startEpoch(): void {
    this.#own.epoch += 1;
    this.#pending.detachFlights();
    this.#own.dpopKey = undefined;
    this.clearCache();
  }

  cachedToken(variant: string): CachedToken | undefined {
    return variant === wholeGrant ? this.#wholeGrantToken : this.#otherTokens?.variants?.get(variant);
  }

  /** Returns the access token of a variant if it may be sent at `at`, in Unix ms. */
  usableToken(variant: string, at: number): CachedToken | undefined {
    const cached = this.cachedToken(variant);
    return cached !== undefined && at < cached.until ? cached : undefined;
  }

  /** All access tokens in memory, by variant. */
  get cachedTokens(): readonly (readonly [variant: string, cached: CachedToken])[] {
    const others = [...(this.#otherTokens?.variants ?? [])];
    return this.#wholeGrantToken === undefined ? others : [[wholeGrant, this.#wholeGrantToken], ...others];
  }

  /** Puts an access token into memory. Its login is then signed in. */
  cacheToken(variant: string, cached: CachedToken): void {
    if (this.#kind !== 'signed-in') {
      this.#enter({ kind: 'signed-in', login: this.login ?? cached.login });
    }
    this.#own.hasSeenTokens = true;
    const previous = this.cachedToken(variant);
    if (previous !== undefined && previous.token !== cached.token) this.#rememberLogin(previous);
    this.#setCachedToken(
      variant,
      this.rejectedToken(variant) === cached.token ? { ...cached, until: 0 } : cached,
    );
  }

  #setCachedToken(variant: string, cached: CachedToken): void {
    if (variant === wholeGrant) this.#wholeGrantToken = cached;
    else {
      this.#otherTokens ??= {};
      this.#otherTokens.variants ??= new Map();
      this.#otherTokens.variants.set(variant, cached);
    }
  }

  /**
   * Returns the login that an access token was issued to. @default the current one, if this process no longer remembers the token
   */
  loginOfToken(token: string): LoginIdentity | undefined {
    const cached = this.cachedTokens.find(([, candidate]) => candidate.token === token)?.[1];
    return cached?.login ?? this.#otherTokens?.replaced?.get(fingerprint(token)) ?? this.login;
  }

  #rememberLogin({ token, login }: CachedToken): void {
    this.#otherTokens ??= {};
    this.#otherTokens.replaced ??= new Map();
    const { replaced } = this.#otherTokens;
    replaced.set(fingerprint(token), login);
    const [oldest] = replaced.keys();
    if (replaced.size > maxReplacedTokens && oldest !== undefined) replaced.delete(oldest);
  }

  /** Returns the access token of a variant that was rejected and has no successor yet. */
  rejectedToken(variant: string): string | undefined {
    return this.#otherTokens?.rejected?.get(variant);
  }

  /** Notes that a protected resource has rejected `token`. It is not used until {@link clearRejection}. */
  reject(variant: string, token: string): void {
    const cached = this.cachedToken(variant);
    if (cached !== undefined && cached.token !== token) return; // it has a successor
    this.#otherTokens ??= {};
    this.#otherTokens.rejected ??= new Map();
    this.#otherTokens.rejected.set(variant, token);
    if (cached !== undefined) this.#setCachedToken(variant, { ...cached, until: 0 });
  }

  /** Notes that the refresh caused by `token` has succeeded or failed. */
  clearRejection(variant: string, token: string | undefined): void {
    const others = this.#otherTokens;
    if (this.rejectedToken(variant) === token) others?.rejected?.delete(variant);
    if (others?.rejected?.size === 0) others.rejected = undefined;
  }

  /** Keeps calls from using the access tokens in memory until the storage has been read. */
  #expireCache(): void {
    if (this.#wholeGrantToken !== undefined) this.#wholeGrantToken = { ...this.#wholeGrantToken, until: 0 };
    const variants = this.#otherTokens?.variants;
    for (const [variant, cached] of variants ?? []) variants?.set(variant, { ...cached, until: 0 });
  }

  /** Removes all access tokens from memory. The storage does not change. */
  clearCache(): void {
    for (const [, cached] of this.cachedTokens) this.#rememberLogin(cached);
    this.#wholeGrantToken = undefined;
    const replaced = this.#otherTokens?.replaced;
    this.#otherTokens = replaced && { replaced };
  }

  /**
   * Keeps a record that the storage has refused.
   *
   * @param unsaved `undefined`: the earlier record is stored now, or must not be stored any more.
   */
  keepUnsaved(unsaved: UnsavedRecord | undefined): void {
    this.#own.unsaved = unsaved;
  }

  /** `true`: this process is storing tokens, so a change in the storage may be its own. */
  get isStoring(): boolean {
    return this.unsaved !== undefined || this.pending.signIn !== undefined || this.pending.isImporting;
  }

  /**
   * Begins to read the changes of other processes. Until a token is cached, calls read the storage too, because the page may have
   * resumed with an old token.
   */
  beginSync(): StorageSync {
    const epoch = this.epoch;
    const sequence = ++this.#syncSequence;
    this.#expireCache();
    const before = this.#wholeGrantToken;
    return {
      before,
      isCurrent: () =>
        this.epoch === epoch && this.#syncSequence === sequence && this.#wholeGrantToken === before,
    };
  }

  /** Notes the key that the session is bound to. */
  bindTo(dpopKey: DpopKey): void {
    this.#own.dpopKey = dpopKey;
  }

  /** Notes that `refreshTokenExpiring` is emitted for this expiry. Returns `false` if it was emitted before. */
  noteExpiry(at: number): boolean {
    const isNews = this.#seen?.expiry !== at;
    this.#seen = { ...this.#seen, expiry: at };
    return isNews;
  }

  /** Notes that an unusable stored value of this version is reported. Returns `false` if it was reported before. */
  noteRejected(version: Version | undefined): boolean {
    const isNews = this.#seen?.rejectedVersion !== version;
    this.#seen = { ...this.#seen, rejectedVersion: version };
    return isNews;
  }

  /** Returns when this process first saw a pending-refresh marker of another process, by its own clock. */
  markerSeenAt(by: string, latest: number, now: number): number {
    const last = this.#seen?.foreignMarker;
    if (last?.by === by && last.latest === latest && last.at <= now) return last.at;
    this.#seen = { ...this.#seen, foreignMarker: { by, latest, at: now } };
    return now;
  }
}
