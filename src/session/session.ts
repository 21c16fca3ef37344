/**
 * What this process knows of a session.
 *
 * @module
 */
import type { Version } from '../core/contracts.ts';
import type { LoginRequiredError } from '../core/errors.ts';
import type { SessionEvent } from '../core/events.ts';
import { fingerprint } from '../core/fingerprint.ts';
import type { DpopKey } from '../core/oauth/dpop-key.ts';
import type { RevocationResult } from '../core/oauth/revocation-result.ts';
import { isSameLogin, type LoginIdentity } from '../core/session/login-identity.ts';
import { type SessionRecord, wholeGrant } from '../core/session/session-record.ts';

/** An access token in memory, ready to be sent. */
export interface CachedToken {
  readonly token: string;
  /** The login that it was issued to. */
  readonly login: LoginIdentity;
  /** Value of the `Authorization` header. */
  readonly authorization: string;
  /** The key that it is bound to: it is never sent without a proof. `undefined`: a bearer token. */
  readonly dpopKey: DpopKey | undefined;
  /** Until when it is handed out, in Unix ms of this process's clock. */
  readonly until: number;
  /** When it ends. */
  readonly expiresAt: number;
  /** What it was issued with, where that is known. */
  readonly scope: readonly string[] | undefined;
  /** The token as a promise that is already resolved, made when it is first asked for. */
  promise: Promise<string> | undefined;
}

/** Of a login: it replaces whatever is stored when it is first tried. */
export class LoginWrite {
  /** The login of what it was last about to replace, once it has been tried: nobody knows whether it has. */
  replacing: { readonly login: unknown } | undefined = undefined;
}

/** What a successor may replace: the record with this refresh token, which paid for it. */
export type WriteCondition = string | undefined | LoginWrite;

/** A successor that the storage has refused so far. */
export interface UnsavedRecord {
  readonly record: SessionRecord;
  readonly ifVersion: Version | undefined;
  /** What it may replace: the record with the refresh token that was spent for it. */
  readonly condition: WriteCondition;
  /** How often writing it has failed. */
  readonly failures: number;
}

/** The revocation of tokens that a refresh or a login brought after a sign-out. */
export interface OrphanRevocation {
  /** The refresh tokens among them, and the login of each. */
  readonly refreshTokens: readonly (readonly [login: string | undefined, refreshToken: string])[];
  /** Confirmed only if the server confirmed all of them. */
  readonly result: Promise<RevocationResult>;
}

/** Why nobody gets a token of this session. */
export interface SessionEnd {
  readonly error: LoginRequiredError;
  /** `true`: whatever is stored is still what was signed out of, because the storage did not delete it. */
  readonly isStillStored: boolean;
  /** The login that was stored then, if it could be read: another one that is stored later is a new session. */
  readonly login?: string | undefined;
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
  /** The login that this process last saw; `undefined`: none, or its user has signed out. */
  login: LoginIdentity | undefined = undefined;
  /** The access token for the whole grant: in a field of its own, because almost every call wants it. */
  wholeGrantToken: CachedToken | undefined = undefined;
  #variantTokens: Map<string, CachedToken> | undefined = undefined;
  /** Access tokens that were rejected and have no successor yet, by variant. A refresh ends the entry, whether it succeeds or not. */
  #rejectedTokens: Map<string, string> | undefined = undefined;
  /** Logins of access tokens that are no longer held, by {@link fingerprint}: a caller may come back with one of them. */
  #loginsOfReplacedTokens: Map<number, LoginIdentity> | undefined = undefined;
  /** Those that may be joined: they began in this epoch. By variant. */
  #joinableFlights: Map<string, Promise<CachedToken>> | undefined = undefined;
  /** All that are under way, also those that began before a sign-out or a login. */
  #allFlights: Set<Promise<CachedToken>> | undefined = undefined;
  /** Counts sign-outs and logins, here and as they are found. A refresh that began under another epoch must not touch what is stored. */
  epoch = 0;
  /** `true`: this process has seen tokens of this session. */
  hasSeenTokens = false;
  unsaved: UnsavedRecord | undefined = undefined;
  ended: SessionEnd | undefined = undefined;
  /** `true`: nothing was stored when this process looked. What it finds later is of a login somewhere else. */
  wasFoundEmpty = false;
  /** Counts looks at what others have changed: an earlier one that is answered later says nothing any more. */
  syncSequence = 0;
  /** While the tokens of a login are being stored: what is stored until then is of the session before it. */
  signingIn: Promise<unknown> | undefined = undefined;
  /** `true`: the session of another library is being stored here, which is told when that one is gone. */
  isImporting = false;
  /** The expiry of the refresh token for which `refreshTokenExpiring` was emitted. */
  notifiedExpiry: number | undefined = undefined;
  /** The key that it is bound to, once it was needed. */
  dpopKey: DpopKey | undefined = undefined;
  /** A refresh token that is proven dead. */
  invalidRefreshToken: string | undefined = undefined;
  /** The last stored value that was not ours: it is reported once. */
  rejectedVersion: Version | undefined = undefined;
  /** The last marker of somebody else who may be without the lock, and when this process first saw it. */
  foreignMarker: { readonly by: string; readonly latest: number; readonly at: number } | undefined =
    undefined;
  /** How many refreshes this process has sent of which it is not stored yet what came: one from before a login may go on. */
  requestsInFlight = 0;
  /** The revocation of tokens that came after a sign-out. */
  orphanRevocation: OrphanRevocation | undefined = undefined;

  constructor(id: string, key: string) {
    this.id = id;
    this.key = key;
  }

  cachedToken(variant: string): CachedToken | undefined {
    return variant === wholeGrant ? this.wholeGrantToken : this.#variantTokens?.get(variant);
  }

  /** All access tokens in memory, by variant. */
  get cachedTokens(): readonly (readonly [variant: string, cached: CachedToken])[] {
    const others = [...(this.#variantTokens ?? [])];
    return this.wholeGrantToken === undefined ? others : [[wholeGrant, this.wholeGrantToken], ...others];
  }

  /** Nobody is signed in, as far as this process knows. */
  get isSignedOut(): boolean {
    return this.wasFoundEmpty || this.ended !== undefined;
  }

  /** What is stored is what was signed out of, or is dead: the storage has not let it go. */
  hasEnded({ refreshToken, login }: SessionRecord): boolean {
    const endedLogin = this.ended?.login;
    const isAnother = endedLogin !== undefined && login !== undefined && login !== endedLogin;
    const isEndedLogin = this.ended?.isStillStored === true && !isAnother;
    return isEndedLogin || (refreshToken !== undefined && refreshToken === this.invalidRefreshToken);
  }

  cacheToken(variant: string, cached: CachedToken): void {
    this.ended = undefined;
    this.wasFoundEmpty = false;
    this.hasSeenTokens = true;
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
    this.login = login;
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
    if (variant === wholeGrant) this.wholeGrantToken = cached;
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

  /** A login: what is under way for the session before it must not touch the new one. */
  beginLogin(login: LoginIdentity): void {
    this.#startEpoch();
    this.login = login;
    this.ended = undefined;
    this.wasFoundEmpty = false;
    this.invalidRefreshToken = undefined;
    this.hasSeenTokens = true;
  }

  /** A sign-out, as far as this process can do it at once. */
  signOut(error: LoginRequiredError): void {
    this.#startEpoch();
    this.login = undefined;
    this.ended = { error, isStillStored: true };
  }

  /** Ends the session after a sign-out elsewhere, or after the server has ended it. Work in progress continues until it notices. */
  markEnded(end: SessionEnd): void {
    this.clearCache();
    this.#joinableFlights = undefined;
    this.login = undefined;
    this.ended = end;
  }

  #startEpoch(): void {
    this.epoch += 1;
    this.#joinableFlights = undefined;
    this.dpopKey = undefined;
    this.clearCache();
  }

  /** What is in memory may be outdated: it is handed out again when what is stored has been looked at. */
  expireCache(): void {
    if (this.wholeGrantToken !== undefined) this.wholeGrantToken = { ...this.wholeGrantToken, until: 0 };
    for (const [variant, cached] of this.#variantTokens ?? [])
      this.#variantTokens?.set(variant, { ...cached, until: 0 });
  }

  /** Forgets all access tokens in memory. What is stored stays. */
  clearCache(): void {
    for (const [, cached] of this.cachedTokens) this.#rememberLogin(cached);
    this.wholeGrantToken = undefined;
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
