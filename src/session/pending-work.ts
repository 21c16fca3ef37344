/**
 * The work in progress of this process for a session: refreshes, a sign-in, an import.
 *
 * @module
 */
import type { RevocationResult } from '../core/oauth/revocation-result.ts';
import type { CachedToken } from './session.ts';

/** The revocation of tokens that came after a sign-out, from a refresh or a login that was in progress. */
export interface OrphanRevocation {
  /** The refresh tokens among them, and the login of each. */
  readonly refreshTokens: readonly (readonly [login: string | undefined, refreshToken: string])[];
  /** Confirmed only if the server confirmed all of them. */
  readonly result: Promise<RevocationResult>;
}

/** An object as its owner sees it. */
export type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Shared by all sessions without a refresh. */
const noFlights: readonly Promise<CachedToken>[] = [];

/** The work in progress of one session. The session keeps it only while there is some. */
export class PendingWork {
  /** All refreshes of the session that are in progress in this process, also those that began before a sign-out or a login. */
  readonly flights: readonly Promise<CachedToken>[] = noFlights;
  /** The sign-in whose tokens are being stored: what is stored until it settles is of the session before it. */
  readonly signIn: Promise<unknown> | undefined = undefined;
  readonly isImporting: boolean = false;
  /** The revocation of tokens that came after the last sign-out. */
  readonly orphanRevocation: OrphanRevocation | undefined = undefined;
  /** The refreshes that may be joined, by variant: they began in this epoch. */
  #joinable: Map<string, Promise<CachedToken>> | undefined = undefined;
  #requests = 0;
  #awaitsFlights = false;
  /** How many changes of what is stored were announced during the flights. */
  readonly changes: number = 0;
  #knownChanges = 0;
  readonly #onIdle: () => void;

  /** @param onIdle called when nothing is in progress any more. */
  constructor(onIdle: () => void) {
    this.#onIdle = onIdle;
  }

  /** Its fields, which are read-only for all others. */
  get #own(): Writable<PendingWork> {
    return this;
  }

  /** Returns the refresh of a variant that a call may join. */
  flight(variant: string): Promise<CachedToken> | undefined {
    return this.#joinable?.get(variant);
  }

  /** Opens the flight of a variant. It is cleared when it has landed, and only by itself. */
  addFlight(variant: string, flight: Promise<CachedToken>): void {
    this.#joinable ??= new Map();
    this.#joinable.set(variant, flight);
    this.#own.flights = [...this.flights, flight];
    const landed = () => {
      const left = this.flights.filter((one) => one !== flight);
      this.#own.flights = left.length === 0 ? noFlights : left;
      if (this.#joinable?.get(variant) === flight) this.#joinable.delete(variant);
      if (this.#joinable?.size === 0) this.#joinable = undefined;
      this.#leaveIfIdle();
    };
    // Also marks its failure as seen, should every waiter have left.
    flight.then(landed, landed);
  }

  /** Lets no later call join the refreshes that are in progress. They continue. */
  detachFlights(): void {
    this.#joinable = undefined;
  }

  /**
   * Notes that a change of what is stored was announced during the flights. Runs `next` once they have landed, unless they know of all
   * changes: once, however many there are.
   */
  async afterFlights(next: () => Promise<void>): Promise<void> {
    this.#own.changes += 1;
    if (this.#awaitsFlights) return;
    this.#awaitsFlights = true;
    await Promise.allSettled(this.flights);
    this.#awaitsFlights = false;
    const isKnown = this.#knownChanges === this.changes;
    this.#leaveIfIdle();
    if (!isKnown) await next();
  }

  /**
   * Notes that a flight has read what is stored, and that it is what the session has in memory.
   *
   * @param changes how many {@link changes} had been announced when the read began. It shows all of them, our own among them.
   */
  knowChanges(changes: number): void {
    this.#knownChanges = changes;
  }

  /** Notes that the tokens of a login are being stored, until `storing` settles. */
  trackSignIn(storing: Promise<unknown>): void {
    this.#own.signIn = storing;
    const settled = () => {
      if (this.signIn === storing) this.#own.signIn = undefined;
      this.#leaveIfIdle();
    };
    storing.then(settled, settled);
  }

  /** Runs an import: what it stores is no news for this process, and may be deleted again. */
  async runImport<T>(run: () => Promise<T>): Promise<T> {
    this.#own.isImporting = true;
    try {
      return await run();
    } finally {
      this.#own.isImporting = false;
      this.#leaveIfIdle();
    }
  }

  /** The flights and the sign-in that are in progress. */
  get all(): readonly Promise<unknown>[] {
    return this.signIn === undefined ? this.flights : [...this.flights, this.signIn];
  }

  /** `true`: this process has sent a refresh whose result is not stored yet. It may be one from before a login. */
  get hasRequest(): boolean {
    return this.#requests > 0;
  }

  /** Notes that a refresh is sent. {@link endRequest} follows when its result is stored, or there is none. */
  beginRequest(): void {
    this.#requests += 1;
  }

  endRequest(): void {
    this.#requests -= 1;
    this.#leaveIfIdle();
  }

  /** @param revocation `undefined`: a sign-out has begun, and no tokens have come after it. */
  trackOrphanRevocation(revocation: OrphanRevocation | undefined): void {
    this.#own.orphanRevocation = revocation;
    this.#leaveIfIdle();
  }

  #leaveIfIdle(): void {
    const isIdle =
      this.all.length === 0 &&
      this.orphanRevocation === undefined &&
      this.#requests === 0 &&
      !this.isImporting &&
      !this.#awaitsFlights;
    if (isIdle) this.#onIdle();
  }
}

/** Pending work without the functions that begin something: a session that is idle needs an object for that first. */
export type OngoingWork = Omit<
  PendingWork,
  'addFlight' | 'trackSignIn' | 'runImport' | 'trackOrphanRevocation'
>;

/** Shared by all idle sessions. */
export const nothingPending: PendingWork = new PendingWork(() => {});
