/**
 * What this process knows of a session.
 *
 * @module
 */
import type { Version } from '../core/contracts.ts';
import type { LoginRequiredError } from '../core/errors.ts';
import type { SessionEvent } from '../core/events.ts';
import { fingerprint } from '../core/fingerprint.ts';
import { isSameLogin, type LoginIdentity } from '../core/login-identity.ts';
import type { Prover } from '../core/possession.ts';
import type { RevocationResult } from '../core/revocation.ts';
import { type SessionRecord, wholeGrant } from '../core/session-record.ts';

/** An access token in memory, ready to be sent. */
export interface Held {
  readonly token: string;
  /** The login that it was issued to. */
  readonly login: LoginIdentity;
  /** Value of the `Authorization` header. */
  readonly authorization: string;
  /** The key that it is bound to: it is never sent without a proof. `undefined`: a bearer token. */
  readonly prover: Prover | undefined;
  /** Until when it is handed out, in Unix ms of this process's clock. */
  readonly until: number;
  /** When it ends. */
  readonly expiresAt: number;
  /** What it was issued with, where that is known. */
  readonly scope: readonly string[] | undefined;
  /** The token as a promise that is already resolved, made when it is first asked for. */
  resolved: Promise<string> | undefined;
}

/** Of a login: it replaces whatever is stored when it is first tried. */
export class Arrival {
  /** The login of what it was last about to replace, once it has been tried: nobody knows whether it has. */
  over: { readonly login: unknown } | undefined = undefined;
}

/** What a successor may replace: the record with this refresh token, which paid for it. */
export type Replaces = string | undefined | Arrival;

/** A successor that the storage has refused so far. */
export interface Unsaved {
  readonly record: SessionRecord;
  readonly ifVersion: Version | undefined;
  /** What it may replace: the record with the refresh token that was spent for it. */
  readonly spent: Replaces;
  /** How often writing it has failed. */
  readonly failures: number;
}

/** The revocation of tokens that a refresh or a login brought after a sign-out. */
export interface LateRevocation {
  /** The refresh tokens among them, and the login of each. */
  readonly refreshTokens: readonly (readonly [login: string | undefined, refreshToken: string])[];
  /** Confirmed only if the server confirmed all of them. */
  readonly ended: Promise<RevocationResult>;
}

/** Why nobody gets a token of this session. */
export interface Gone {
  readonly error: LoginRequiredError;
  /** `true`: whatever is stored is still what was signed out of, because the storage did not delete it. */
  readonly final: boolean;
  /** The login that was stored then, if it could be read: another one that is stored later is a new session. */
  readonly login?: string | undefined;
}

/** How many replaced access tokens a session remembers the login of. */
const mostReplaced = 32;

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
  whole: Held | undefined = undefined;
  #others: Map<string, Held> | undefined = undefined;
  /** Access tokens that were rejected and have no successor yet, by variant. A refresh ends the entry, whether it succeeds or not. */
  #rejected: Map<string, string> | undefined = undefined;
  /** Logins of access tokens that are no longer held, by {@link fingerprint}: a caller may come back with one of them. */
  #replaced: Map<number, LoginIdentity> | undefined = undefined;
  /** Those that may be joined: they began in this epoch. By variant. */
  #flights: Map<string, Promise<Held>> | undefined = undefined;
  /** All that are under way, also those that began before a sign-out or a login. */
  #underWay: Set<Promise<Held>> | undefined = undefined;
  /** Counts sign-outs and logins, here and as they are found. A refresh that began under another epoch must not touch what is stored. */
  epoch = 0;
  /** `true`: this process has seen tokens of this session. */
  known = false;
  unsaved: Unsaved | undefined = undefined;
  gone: Gone | undefined = undefined;
  /** `true`: nothing was stored when this process looked. What it finds later is of a login somewhere else. */
  vacant = false;
  /** Counts looks at what others have changed: an earlier one that is answered later says nothing any more. */
  looks = 0;
  /** While the tokens of a login are being stored: what is stored until then is of the session before it. */
  arriving: Promise<unknown> | undefined = undefined;
  /** `true`: the session of another library is being stored here, which is told when that one is gone. */
  isTakingOver = false;
  /** The end of a refresh token that has been told ahead. */
  foretold: number | undefined = undefined;
  /** The key that it is bound to, once it was needed. */
  prover: Prover | undefined = undefined;
  /** A refresh token that is proven dead. */
  dead: string | undefined = undefined;
  /** The last stored value that was not ours: it is reported once. */
  rejected: Version | undefined = undefined;
  /** The last mark of somebody else who may be without the lock, and when this process first saw it. */
  seen: { readonly by: string; readonly latest: number; readonly at: number } | undefined = undefined;
  /** How many refreshes this process has sent of which it is not stored yet what came: one from before a login may go on. */
  sending = 0;
  /** The revocation of tokens that came after a sign-out. */
  lateRevocation: LateRevocation | undefined = undefined;

  constructor(id: string, key: string) {
    this.id = id;
    this.key = key;
  }

  held(variant: string): Held | undefined {
    return variant === wholeGrant ? this.whole : this.#others?.get(variant);
  }

  /** All access tokens in memory, by variant. */
  get allHeld(): readonly (readonly [variant: string, held: Held])[] {
    const others = [...(this.#others ?? [])];
    return this.whole === undefined ? others : [[wholeGrant, this.whole], ...others];
  }

  /** Nobody is signed in, as far as this process knows. */
  get isOut(): boolean {
    return this.vacant || this.gone !== undefined;
  }

  /** What is stored is what was signed out of, or is dead: the storage has not let it go. */
  isOver({ refreshToken, login }: SessionRecord): boolean {
    const left = this.gone?.login;
    const isAnother = left !== undefined && login !== undefined && login !== left;
    const isLeft = this.gone?.final === true && !isAnother;
    return isLeft || (refreshToken !== undefined && refreshToken === this.dead);
  }

  hold(variant: string, held: Held): void {
    this.gone = undefined;
    this.vacant = false;
    this.known = true;
    const before = this.held(variant);
    if (before !== undefined && before.token !== held.token) this.#remember(before);
    this.#keep(variant, this.rejectedToken(variant) === held.token ? { ...held, until: 0 } : held);
  }

  /** Returns the members that every event has: the session, and its login at this moment. */
  about(login: LoginIdentity | undefined = this.login): SessionEvent {
    return { session: this.id, login: login?.login, subject: login?.subject };
  }

  /** Checks whether work that began under `login` may continue under the current login. */
  isOf(login: LoginIdentity | undefined): boolean {
    return isSameLogin(login, this.login);
  }

  /** The login that an access token was issued to, as far as this process still knows. */
  loginOf(token: string): LoginIdentity | undefined {
    const held = this.allHeld.find(([, one]) => one.token === token)?.[1];
    return held?.login ?? this.#replaced?.get(fingerprint(token)) ?? this.login;
  }

  /**
   * Follows a login that was found in the storage. Removes everything of another login from memory; work in progress for that login
   * has no effect any more.
   *
   * @returns the login that it replaces. `undefined`: it was there before, or none was.
   */
  enter(login: LoginIdentity): LoginIdentity | undefined {
    const { login: former } = this;
    this.login = login;
    if (former === undefined || (former.login === login.login && isSameLogin(former, login)))
      return undefined;
    this.#turn();
    return former;
  }

  /** The access token that was rejected and has no successor yet. */
  rejectedToken(variant: string): string | undefined {
    return this.#rejected?.get(variant);
  }

  /** A protected resource has rejected `token`. It is not used until a refresh has succeeded or failed. */
  reject(variant: string, token: string): void {
    const held = this.held(variant);
    if (held !== undefined && held.token !== token) return; // it has a successor
    this.#rejected ??= new Map();
    this.#rejected.set(variant, token);
    if (held !== undefined) this.#keep(variant, { ...held, until: 0 });
  }

  /** The refresh because of `token` has succeeded or failed. */
  endRejection(variant: string, token: string | undefined): void {
    if (this.rejectedToken(variant) === token) this.#rejected?.delete(variant);
    if (this.#rejected?.size === 0) this.#rejected = undefined;
  }

  #keep(variant: string, held: Held): void {
    if (variant === wholeGrant) this.whole = held;
    else {
      this.#others ??= new Map();
      this.#others.set(variant, held);
    }
  }

  #remember({ token, login }: Held): void {
    this.#replaced ??= new Map();
    this.#replaced.set(fingerprint(token), login);
    const [oldest] = this.#replaced.keys();
    if (this.#replaced.size > mostReplaced && oldest !== undefined) this.#replaced.delete(oldest);
  }

  /** A login: what is under way for the session before it must not touch the new one. */
  begin(login: LoginIdentity): void {
    this.#turn();
    this.login = login;
    this.gone = undefined;
    this.vacant = false;
    this.dead = undefined;
    this.known = true;
  }

  /** A sign-out, as far as this process can do it at once. */
  end(error: LoginRequiredError): void {
    this.#turn();
    this.login = undefined;
    this.gone = { error, final: true };
  }

  /** Ends the session after a sign-out elsewhere, or after the server has ended it. Work in progress continues until it notices. */
  leave(gone: Gone): void {
    this.forget();
    this.#flights = undefined;
    this.login = undefined;
    this.gone = gone;
  }

  #turn(): void {
    this.epoch += 1;
    this.#flights = undefined;
    this.prover = undefined;
    this.forget();
  }

  /** What is in memory may be outdated: it is handed out again when what is stored has been looked at. */
  doubt(): void {
    if (this.whole !== undefined) this.whole = { ...this.whole, until: 0 };
    for (const [variant, held] of this.#others ?? []) this.#others?.set(variant, { ...held, until: 0 });
  }

  /** Forgets all access tokens in memory. What is stored stays. */
  forget(): void {
    for (const [, held] of this.allHeld) this.#remember(held);
    this.whole = undefined;
    this.#others = undefined;
    this.#rejected = undefined;
  }

  flight(variant: string): Promise<Held> | undefined {
    return this.#flights?.get(variant);
  }

  /** All refreshes of this session that are under way in this process. */
  get flights(): readonly Promise<Held>[] {
    return [...(this.#underWay ?? [])];
  }

  /** Opens the flight of a variant. It is cleared when it has landed, and only by itself. */
  open(variant: string, flight: Promise<Held>): void {
    this.#flights ??= new Map();
    this.#flights.set(variant, flight);
    this.#underWay ??= new Set();
    this.#underWay.add(flight);
    const landed = () => {
      this.#underWay?.delete(flight);
      if (this.#underWay?.size === 0) this.#underWay = undefined;
      if (this.#flights?.get(variant) === flight) this.#flights.delete(variant);
      if (this.#flights?.size === 0) this.#flights = undefined;
    };
    // Also marks its failure as seen, should every waiter have left.
    flight.then(landed, landed);
  }
}
