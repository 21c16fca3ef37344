/**
 * What this process knows of a session.
 *
 * @module
 */
import type { Version } from '../core/contracts.ts';
import type { LoginRequiredError } from '../core/errors.ts';
import type { SessionEvent } from '../core/events.ts';
import { fingerprint } from '../core/fingerprint.ts';
import type { RequestCredentials } from '../core/http/request-credentials.ts';
import type { DpopKey } from '../core/oauth/dpop-key.ts';
import type { RevocationResult } from '../core/oauth/revocation-result.ts';
import { isSameLogin, type LoginIdentity } from '../core/session/login-identity.ts';
import { type SessionRecord, wholeGrant } from '../core/session/session-record.ts';
import type { UnsavedRecord } from './record-write.ts';

/** An access token in memory, ready to be sent. */
export interface CachedToken {
  readonly token: string;
  /** The login that it was issued to. */
  readonly login: LoginIdentity;
  /** Added to requests to protected resources. */
  readonly credentials: RequestCredentials;
  /** Until when it is handed out, in Unix ms of this process's clock. */
  readonly until: number;
  /** When it ends. */
  readonly expiresAt: number;
  /** What it was issued with, where that is known. */
  readonly scope: readonly string[] | undefined;
  /** The token as a promise that is already resolved. `undefined`: the application has not asked for it so far. */
  promise: Promise<string> | undefined;
}

/** The revocation of tokens that a refresh or a login brought after a sign-out. */
export interface OrphanRevocation {
  /** The refresh tokens among them, and the login of each. */
  readonly refreshTokens: readonly (readonly [login: string | undefined, refreshToken: string])[];
  /** Confirmed only if the server confirmed all of them. */
  readonly result: Promise<RevocationResult>;
}

/** Why nobody gets a token of this session. */
export type SessionEnd =
  /** Nothing of it is stored any more. A record that is found later is of a new session. */
  | { readonly kind: 'removed'; readonly error: LoginRequiredError }
  /** The storage still holds the session that the user has signed out of, or has not deleted it yet. */
  | {
      readonly kind: 'still-stored';
      readonly error: LoginRequiredError;
      /** The stored login, if it could be read: a record of another login is of a new session. */
      readonly login: string | undefined;
    };

/** Whether someone is signed in, as far as this process knows. */
type SessionState =
  /** This process has not looked, or has found nothing that names a login. */
  | { readonly kind: 'unknown'; readonly login?: undefined }
  | { readonly kind: 'signed-in'; readonly login: LoginIdentity }
  /** Nothing was stored when this process looked: a record that it finds later is of a login elsewhere. */
  | {
      readonly kind: 'empty';
      /** The login that this process last saw. No token of it has been put into memory since. */
      readonly login: LoginIdentity | undefined;
    }
  | {
      readonly kind: 'ended';
      readonly end: SessionEnd;
      /** A login that was found in the storage since. The session begins with the first token of it in memory. */
      readonly login: LoginIdentity | undefined;
    };

/** The state of all sessions before anything is known of them. */
const unknownState: SessionState = { kind: 'unknown' };

/** What a look at the storage compares with, to find out that something newer has happened meanwhile. */
export interface StorageSync {
  /** The access token for the whole grant that was in memory. */
  readonly before: CachedToken | undefined;
  /** Checks whether nothing has happened in this process since, so that what was read still counts. */
  isCurrent(): boolean;
}

/** How many replaced access tokens a session remembers the login of. */
const maxReplacedTokens = 32;

/**
 * The state of one session in this process. One object per session id, whatever number of managers share it.
 * It holds no timer; an idle one costs a few hundred bytes.
 */
export class Session {
  readonly id: string;
  /** Under which the storage knows it. */
  readonly key: string;
  #state: SessionState = unknownState;
  /** The access token for the whole grant: in a field of its own, because almost every call wants it. */
  #wholeGrantToken: CachedToken | undefined = undefined;
  #variantTokens: Map<string, CachedToken> | undefined = undefined;
  /** Access tokens that were rejected and have no successor yet, by variant. A refresh ends the entry, whether it succeeds or not. */
  #rejectedTokens: Map<string, string> | undefined = undefined;
  /** Logins of access tokens that are no longer held, by {@link fingerprint}: a caller may come back with one of them. */
  #loginsOfReplacedTokens: Map<number, LoginIdentity> | undefined = undefined;
  /** Those that may be joined: they began in this epoch. By variant. */
  #joinableFlights: Map<string, Promise<CachedToken>> | undefined = undefined;
  /** All that are under way, also those that began before a sign-out or a login. */
  #allFlights: Set<Promise<CachedToken>> | undefined = undefined;
  #epoch = 0;
  #hasSeenTokens = false;
  #unsaved: UnsavedRecord | undefined = undefined;
  #signingIn: Promise<unknown> | undefined = undefined;
  #isImporting = false;
  /** Counts looks at what others have changed: an earlier one that is answered later is outdated. */
  #syncSequence = 0;
  /** `true`: the storage is looked at when the refreshes under way have landed. */
  #syncsAfterFlights = false;
  /** The expiry of the refresh token for which `refreshTokenExpiring` was emitted. */
  #notifiedExpiry: number | undefined = undefined;
  #dpopKey: DpopKey | undefined = undefined;
  #invalidRefreshToken: string | undefined = undefined;
  /** The last stored value that was reported as unusable. */
  #rejectedVersion: Version | undefined = undefined;
  /** The last pending-refresh marker of somebody else, and when this process first saw it. */
  #foreignMarker: { readonly by: string; readonly latest: number; readonly at: number } | undefined =
    undefined;
  #requestsInFlight = 0;
  #orphanRevocation: OrphanRevocation | undefined = undefined;

  constructor(id: string, key: string) {
    this.id = id;
    this.key = key;
  }

  /** The login that this process last saw; `undefined`: none, or its user has signed out. */
  get login(): LoginIdentity | undefined {
    return this.#state.login;
  }

  /** Why nobody gets a token. `undefined`: the session has not ended, as far as this process knows. */
  get ended(): SessionEnd | undefined {
    return this.#state.kind === 'ended' ? this.#state.end : undefined;
  }

  /** Counts sign-outs and logins, here and as they are found. A refresh that began under another epoch must not touch what is stored. */
  get epoch(): number {
    return this.#epoch;
  }

  /** `true`: this process has seen tokens of this session, perhaps before it ended. */
  get hasSeenTokens(): boolean {
    return this.#hasSeenTokens;
  }

  /** The successor that the storage has refused so far. */
  get unsaved(): UnsavedRecord | undefined {
    return this.#unsaved;
  }

  /** While the tokens of a login are being stored: what is stored until then is of the session before it. */
  get signingIn(): Promise<unknown> | undefined {
    return this.#signingIn;
  }

  /** `true`: this process is storing tokens of its own, so a change of what is stored is no news. */
  get isStoring(): boolean {
    return this.#unsaved !== undefined || this.#signingIn !== undefined || this.#isImporting;
  }

  /** The key that it is bound to, once it was needed. */
  get dpopKey(): DpopKey | undefined {
    return this.#dpopKey;
  }

  /** A refresh token that is proven dead, and that the storage has not deleted. */
  get invalidRefreshToken(): string | undefined {
    return this.#invalidRefreshToken;
  }

  /** `true`: this process has sent a refresh whose result is not stored yet. It may be one from before a login. */
  get hasRequestInFlight(): boolean {
    return this.#requestsInFlight > 0;
  }

  /** The revocation of tokens that came after the last sign-out. */
  get orphanRevocation(): OrphanRevocation | undefined {
    return this.#orphanRevocation;
  }

  cachedToken(variant: string): CachedToken | undefined {
    return variant === wholeGrant ? this.#wholeGrantToken : this.#variantTokens?.get(variant);
  }

  /** Returns an access token in memory that may be sent at `at`, in Unix ms. */
  usableToken(variant: string, at: number): CachedToken | undefined {
    const cached = variant === wholeGrant ? this.#wholeGrantToken : this.#variantTokens?.get(variant);
    return cached !== undefined && at < cached.until ? cached : undefined;
  }

  /** All access tokens in memory, by variant. */
  get cachedTokens(): readonly (readonly [variant: string, cached: CachedToken])[] {
    const others = [...(this.#variantTokens ?? [])];
    return this.#wholeGrantToken === undefined ? others : [[wholeGrant, this.#wholeGrantToken], ...others];
  }

  /** Nobody is signed in, as far as this process knows. */
  get isSignedOut(): boolean {
    return this.#state.kind === 'empty' || this.#state.kind === 'ended';
  }

  /** What is stored is what was signed out of, or is dead: the storage has not let it go. */
  hasEnded({ refreshToken, login }: SessionRecord): boolean {
    const { ended } = this;
    const isEndedLogin =
      ended?.kind === 'still-stored' &&
      (ended.login === undefined || login === undefined || login === ended.login);
    return isEndedLogin || (refreshToken !== undefined && refreshToken === this.#invalidRefreshToken);
  }

  /** Puts an access token into memory. From then on someone is signed in. */
  cacheToken(variant: string, cached: CachedToken): void {
    if (this.#state.kind !== 'signed-in') {
      this.#state = { kind: 'signed-in', login: this.login ?? cached.login };
    }
    this.#hasSeenTokens = true;
    const previous = this.cachedToken(variant);
    if (previous !== undefined && previous.token !== cached.token) this.#rememberLogin(previous);
    this.#setCachedToken(
      variant,
      this.rejectedToken(variant) === cached.token ? { ...cached, until: 0 } : cached,
    );
  }

  /** Returns the members that every event has: the session, and its login at this moment. */
  eventContext(login: LoginIdentity | undefined = this.login): SessionEvent {
    return { session: this.id, login: login?.login, subject: login?.subject };
  }

  /** Checks whether work that began under `login` may continue under the current login. */
  isSameLogin(login: LoginIdentity | undefined): boolean {
    return isSameLogin(login, this.login);
  }

  /** The login that an access token was issued to, as far as this process still knows. */
  loginOfToken(token: string): LoginIdentity | undefined {
    const cached = this.cachedTokens.find(([, candidate]) => candidate.token === token)?.[1];
    return cached?.login ?? this.#loginsOfReplacedTokens?.get(fingerprint(token)) ?? this.login;
  }

  /**
   * Follows a login that was found in the storage. Removes everything of another login from memory; work in progress for that login
   * has no effect any more.
   *
   * @returns the login that it replaces. `undefined`: it was there before, or none was.
   */
  switchLogin(login: LoginIdentity): LoginIdentity | undefined {
    const { login: former } = this;
    this.#setLogin(login);
    if (former === undefined || (former.login === login.login && isSameLogin(former, login)))
      return undefined;
    this.#startEpoch();
    return former;
  }

  /** The access token that was rejected and has no successor yet. */
  rejectedToken(variant: string): string | undefined {
    return this.#rejectedTokens?.get(variant);
  }

  /** A protected resource has rejected `token`. It is not used until a refresh has succeeded or failed. */
  reject(variant: string, token: string): void {
    const cached = this.cachedToken(variant);
    if (cached !== undefined && cached.token !== token) return; // it has a successor
    this.#rejectedTokens ??= new Map();
    this.#rejectedTokens.set(variant, token);
    if (cached !== undefined) this.#setCachedToken(variant, { ...cached, until: 0 });
  }

  /** The refresh because of `token` has succeeded or failed. */
  clearRejection(variant: string, token: string | undefined): void {
    if (this.rejectedToken(variant) === token) this.#rejectedTokens?.delete(variant);
    if (this.#rejectedTokens?.size === 0) this.#rejectedTokens = undefined;
  }

  #setCachedToken(variant: string, cached: CachedToken): void {
    if (variant === wholeGrant) this.#wholeGrantToken = cached;
    else {
      this.#variantTokens ??= new Map();
      this.#variantTokens.set(variant, cached);
    }
  }

  #rememberLogin({ token, login }: CachedToken): void {
    this.#loginsOfReplacedTokens ??= new Map();
    this.#loginsOfReplacedTokens.set(fingerprint(token), login);
    const [oldest] = this.#loginsOfReplacedTokens.keys();
    if (this.#loginsOfReplacedTokens.size > maxReplacedTokens && oldest !== undefined)
      this.#loginsOfReplacedTokens.delete(oldest);
  }

  /** Notes the login of a record that was read, if this process knows none yet. Its tokens are not in memory. */
  noteLogin(login: LoginIdentity): void {
    if (this.login === undefined) this.#setLogin(login);
  }

  #setLogin(login: LoginIdentity): void {
    const { kind } = this.#state;
    this.#state =
      kind === 'empty' || kind === 'ended' ? { ...this.#state, login } : { kind: 'signed-in', login };
  }

  /** Notes that a record of this session was read. */
  noteTokensSeen(): void {
    this.#hasSeenTokens = true;
  }

  /** Notes that nothing is stored. What is in memory stays in use. */
  noteEmpty(): void {
    if (this.#state.kind !== 'ended') this.#state = { kind: 'empty', login: this.login };
  }

  /** Begins a login in this process: work in progress for the session before it must not touch the new one. */
  beginLogin(login: LoginIdentity, dpopKey?: DpopKey): void {
    this.#startEpoch();
    this.#state = { kind: 'signed-in', login };
    this.#dpopKey = dpopKey;
    this.#invalidRefreshToken = undefined;
    this.#hasSeenTokens = true;
  }

  /** Signs out, as far as this process can do it at once: whatever is stored is what was signed out of, until it is deleted. */
  signOut(error: LoginRequiredError): void {
    this.#startEpoch();
    this.#orphanRevocation = undefined;
    this.#state = { kind: 'ended', end: { kind: 'still-stored', error, login: undefined }, login: undefined };
  }

  /** Notes what the sign-out that began in this epoch has left in the storage. */
  finishSignOut(end: SessionEnd): void {
    if (this.#state.kind === 'ended') this.#state = { ...this.#state, end };
  }

  /**
   * Ends the session after a sign-out elsewhere, or after the server has ended it. Work in progress continues until it notices.
   *
   * @param invalidRefreshToken the refresh token that is proven dead, if the storage did not delete it.
   */
  markEnded(error: LoginRequiredError, invalidRefreshToken?: string): void {
    this.clearCache();
    this.#joinableFlights = undefined;
    this.#state = { kind: 'ended', end: { kind: 'removed', error }, login: undefined };
    if (invalidRefreshToken !== undefined) this.#invalidRefreshToken = invalidRefreshToken;
  }

  #startEpoch(): void {
    this.#epoch += 1;
    this.#joinableFlights = undefined;
    this.#dpopKey = undefined;
    this.clearCache();
  }

  /** Keeps a successor that the storage has refused. */
  keepUnsaved(unsaved: UnsavedRecord): void {
    this.#unsaved = unsaved;
  }

  /** Forgets the successor that was not stored: it is stored now, or must not be any more. */
  clearUnsaved(): void {
    this.#unsaved = undefined;
  }

  /** Notes that the tokens of a login are being stored, until `storing` is settled. */
  trackSignIn(storing: Promise<unknown>): void {
    this.#signingIn = storing;
    const settled = () => {
      if (this.#signingIn === storing) this.#signingIn = undefined;
    };
    storing.then(settled, settled);
  }

  /** Runs an import: what it stores here is no news, and may be deleted again. */
  async runImport<T>(run: () => Promise<T>): Promise<T> {
    this.#isImporting = true;
    try {
      return await run();
    } finally {
      this.#isImporting = false;
    }
  }

  /**
   * Begins a look at what others have changed. Until it ends, callers look before they use a token: a page may wake up with an old
   * one.
   */
  beginSync(): StorageSync {
    const epoch = this.#epoch;
    const sequence = ++this.#syncSequence;
    this.#expireCache();
    const before = this.#wholeGrantToken;
    return {
      before,
      isCurrent: () =>
        this.#epoch === epoch && this.#syncSequence === sequence && this.#wholeGrantToken === before,
    };
  }

  /** Runs `sync` once all refreshes under way have landed: once, however often it is called until then. */
  async syncAfterFlights(sync: () => Promise<void>): Promise<void> {
    if (this.#syncsAfterFlights) return;
    this.#syncsAfterFlights = true;
    await Promise.allSettled(this.flights);
    this.#syncsAfterFlights = false;
    await sync();
  }

  /** Notes that a refresh token is about to expire at `at`. Returns whether that is news. */
  noteExpiry(at: number): boolean {
    const isNews = this.#notifiedExpiry !== at;
    this.#notifiedExpiry = at;
    return isNews;
  }

  /** Notes the key that the session is bound to. */
  bindTo(dpopKey: DpopKey): void {
    this.#dpopKey = dpopKey;
  }

  /** Notes a stored value that cannot be used. Returns whether that is news. */
  noteRejected(version: Version | undefined): boolean {
    const isNews = this.#rejectedVersion !== version;
    this.#rejectedVersion = version;
    return isNews;
  }

  /** Returns when this process first saw the pending-refresh marker of somebody else, by its own clock. */
  markerSeenAt(by: string, latest: number, now: number): number {
    const last = this.#foreignMarker;
    if (last?.by === by && last.latest === latest && last.at <= now) return last.at;
    this.#foreignMarker = { by, latest, at: now };
    return now;
  }

  /** Notes that a refresh is sent. {@link endRequest} follows when its result is stored, or there is none. */
  beginRequest(): void {
    this.#requestsInFlight += 1;
  }

  endRequest(): void {
    this.#requestsInFlight -= 1;
  }

  /** Keeps the revocation of tokens that came after a sign-out. */
  trackOrphanRevocation(revocation: OrphanRevocation): void {
    this.#orphanRevocation = revocation;
  }

  /** What is in memory may be outdated: it is handed out again when what is stored has been looked at. */
  #expireCache(): void {
    if (this.#wholeGrantToken !== undefined) this.#wholeGrantToken = { ...this.#wholeGrantToken, until: 0 };
    for (const [variant, cached] of this.#variantTokens ?? [])
      this.#variantTokens?.set(variant, { ...cached, until: 0 });
  }

  /** Forgets all access tokens in memory. What is stored stays. */
  clearCache(): void {
    for (const [, cached] of this.cachedTokens) this.#rememberLogin(cached);
    this.#wholeGrantToken = undefined;
    this.#variantTokens = undefined;
    this.#rejectedTokens = undefined;
  }

  flight(variant: string): Promise<CachedToken> | undefined {
    return this.#joinableFlights?.get(variant);
  }

  /** All refreshes of this session that are under way in this process. */
  get flights(): readonly Promise<CachedToken>[] {
    return [...(this.#allFlights ?? [])];
  }

  /** Opens the flight of a variant. It is cleared when it has landed, and only by itself. */
  addFlight(variant: string, flight: Promise<CachedToken>): void {
    this.#joinableFlights ??= new Map();
    this.#joinableFlights.set(variant, flight);
    this.#allFlights ??= new Set();
    this.#allFlights.add(flight);
    const landed = () => {
      this.#allFlights?.delete(flight);
      if (this.#allFlights?.size === 0) this.#allFlights = undefined;
      if (this.#joinableFlights?.get(variant) === flight) this.#joinableFlights.delete(variant);
      if (this.#joinableFlights?.size === 0) this.#joinableFlights = undefined;
    };
    // Also marks its failure as seen, should every waiter have left.
    flight.then(landed, landed);
  }
}
