/**
 * The work in progress for a session in this process: refreshes, a sign-in, an import.
 *
 * @module
 */
import type { RevocationResult } from '../core/oauth/revocation-result.ts';
import type { CachedToken } from './session.ts';

/** The revocation of tokens that arrived after a sign-out, from a refresh or a login in progress. */
export interface OrphanRevocation {
  /** Refresh tokens among them, and the login of each. */
  readonly refreshTokens: readonly (readonly [login: string | undefined, refreshToken: string])[];
  /** Result of the revocation. It is confirmed only if the server confirmed all of them. */
  readonly result: Promise<RevocationResult>;
}

/** An object with writable fields, for its owner. */
export type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Empty list, shared by all sessions without a refresh. */
const noFlights: readonly Promise<CachedToken>[] = [];

/** The work in progress of one session. The session keeps the object only while there is some. */
export class PendingWork {
  /**
   * All refreshes of the session that are in progress in this process, including those that began before a sign-out or a login.
   */
  readonly flights: readonly Promise<CachedToken>[] = noFlights;
  /** Sign-in whose tokens are being stored. Until it settles, the stored record belongs to the session before it. */
  readonly signIn: Promise<unknown> | undefined = undefined;
  readonly isImporting: boolean = false;
  /** Revocation of tokens that arrived after the last sign-out. */
  readonly orphanRevocation: OrphanRevocation | undefined = undefined;
  /** Refreshes that calls may join, by variant. They began in this epoch. */
  #joinable: Map<string, Promise<CachedToken>> | undefined = undefined;
  #requests = 0;
  #awaitsFlights = false;
  /** Number of changes of the stored record that were announced during the flights. */
  readonly changes: number = 0;
  #knownChanges = 0;
  readonly #onIdle: () => void;

  /** @param onIdle called when nothing is in progress any more. */
  constructor(onIdle: () => void) {
    this.#onIdle = onIdle;
  }

  /** This object with writable fields. They are read-only outside this class. */
  get #own(): Writable<PendingWork> {
    return this;
  }

  /** Returns the refresh of a variant that a call may join. */
  flight(variant: string): Promise<CachedToken> | undefined {
    return this.#joinable?.get(variant);
  }

  /** Adds the flight of a variant. Only this flight clears the entry, when it settles. */
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
    // This also marks its rejection as handled if all callers have left.
    flight.then(landed, landed);
  }

  /** Prevents later calls from joining the refreshes in progress. They continue. */
  detachFlights(): void {
    this.#joinable = undefined;
  }

  /**
   * Notes that a change of the stored record was announced during the flights. Runs `next` once after they have settled, unless
   * they have already read all changes.
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
   * Notes that a flight has read the stored record, and that the session holds that record in memory.
   *
   * @param changes number of {@link changes} when the read began. The read shows all of them, including our own.
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

  /** Runs an import. Its writes are not treated as changes by others, and may be deleted again. */
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

  /** `true`: this process has sent a refresh whose result is not stored yet. It may have begun before a login. */
  get hasRequest(): boolean {
    return this.#requests > 0;
  }

  /** Notes that a refresh is sent. {@link endRequest} follows when its result is stored, or when it has none. */
  beginRequest(): void {
    this.#requests += 1;
  }

  endRequest(): void {
    this.#requests -= 1;
    this.#leaveIfIdle();
  }

  /**
   * Notes the revocation of tokens that arrived after a sign-out.
   *
   * @param revocation `undefined`: a sign-out has begun, and no tokens have arrived after it.
   */
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

/** Pending work without the methods that begin an operation. An idle session needs an object for those first. */
export type OngoingWork = Omit<
  PendingWork,
  'addFlight' | 'trackSignIn' | 'runImport' | 'trackOrphanRevocation'
>;

/** Empty pending work, shared by all idle sessions. */
export const nothingPending: PendingWork = new PendingWork(() => {});
