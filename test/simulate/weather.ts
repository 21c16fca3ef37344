/**
 * Parameters of a run: the number of participants, and the frequency of each failure. Each run has some failures and
 * not others.
 */
import type { Chance } from './chance.ts';

/** The fate of an operation of a storage. `after` and `conflict`: it has happened, and only the response differs. */
export type StorageTrouble = 'before' | 'after' | 'conflict' | 'slow' | 'hang';

/** The fate of a token request. */
export type PostTrouble =
  | 'unsent'
  | 'lostRequest'
  | 'lostResponse'
  | 'neverArrives'
  | 'neverAnswered'
  | 'late'
  | 'rateLimited'
  | 'unavailable'
  | 'gatewayTimeout'
  | 'truncated'
  | 'captivePortal'
  | 'redirected';

export type ApiTrouble = 'lost' | 'unavailable';

/** How long an API may reject a new access token that has not reached it yet, in ms. */
const replicationLag = 2_000;

/**
 * - `kernel`: freed when its holder dies, and never before.
 * - `renewed`: a lease that a living holder prolongs, as in Redis.
 * - `lease`: a lease that ends by itself so long after the grant.
 */
export type LockKind = 'kernel' | 'renewed' | 'lease';

export type Deed =
  | 'call'
  | 'token'
  | 'abortedCall'
  | 'reject'
  | 'signOut'
  | 'login'
  | 'crash'
  | 'freeze'
  | 'revoke'
  | 'steal';

export type Profile = 'strict' | 'leeway';

export interface Weather {
  readonly profile: Profile;
  readonly processes: number;
  readonly sessions: number;
  /** How many users sign in to each session. */
  readonly users: number;
  /** `true`: the server issues ID tokens, so a later login of the same user can be recognised. */
  readonly identified: boolean;
  readonly lock: LockKind;
  /** It says of itself that it can be taken away. Others are as well, which is more than they promise. */
  readonly mayBeLost: boolean;
  /** In ms. */
  readonly lease: number;
  readonly accessTokenLifetime: number;
  /** How wrong clocks are at most, in ms. */
  readonly skew: number;
  /** Probabilities that one operation or request is struck. */
  readonly storage: Readonly<Partial<Record<StorageTrouble, number>>>;
  readonly post: Readonly<Partial<Record<PostTrouble, number>>>;
  readonly api: Readonly<Partial<Record<ApiTrouble, number>>>;
  /** How long the API rejects a new access token, in ms. */
  readonly lag: number;
  /** Probabilities that something strikes a process just before an event reaches it while it holds the lock. */
  readonly crash: number;
  readonly freeze: number;
  /** Probabilities that someone signs out, in or takes the lock away while a token request is in progress. */
  readonly meddling: Readonly<Partial<Record<'signOut' | 'login' | 'steal' | 'reject', number>>>;
  /** Frequencies of the actions, relative to each other, and their total. */
  readonly deeds: Readonly<Partial<Record<Deed, number>>>;
  readonly deedCount: number;
}

export const calm = { storage: {}, post: {}, api: {}, lag: 0, crash: 0, freeze: 0, meddling: {} } as const;

/** The declared window in which a refresh token may be sent again, in ms: longer than any run. */
export const reuseWindow = 86_400_000;

/** How long a process is frozen, in ms: a moment, or around the times after which others may take its lock over. */
export const naps = [
  [50, 3_000],
  [10_000, 30_000],
  [25_000, 50_000],
  [40_000, 120_000],
] as const;

export function weatherOf(chance: Chance, profile: Profile): Weather {
  // Each trouble is there in every other run: what only happens without another one happens as well.
  const some = <K extends string>(names: readonly K[], most: number, share = 0.5) =>
    Object.fromEntries(
      names.filter(() => chance.happens(share)).map((name) => [name, chance.next() * most]),
    ) as Partial<Record<K, number>>;
  const maybe = (most: number) => (chance.happens(0.5) ? chance.next() * most : 0);
  const stormy = chance.happens(0.8);
  return {
    profile,
    processes: chance.between(2, 4),
    sessions: chance.happens(0.25) ? 2 : 1,
    lock: chance.pick<LockKind>(['kernel', 'renewed', 'lease']),
    lease: chance.pick([40_000, 45_000, 60_000]),
    accessTokenLifetime: chance.pick([20_000, 60_000, 300_000, 86_400_000]),
    skew: chance.pick([0, 0, 1_000, 5_000, 90_000]),
    storage: stormy && chance.happens(0.5) ? some(['before', 'after', 'conflict', 'slow', 'hang'], 0.1) : {},
    post: stormy
      ? some(
          [
            ...(['unsent', 'lostRequest', 'lostResponse', 'neverArrives', 'neverAnswered', 'late'] as const),
            ...(['rateLimited', 'unavailable', 'gatewayTimeout', 'truncated'] as const),
            ...(['captivePortal', 'redirected'] as const),
          ],
          0.2,
          0.3,
        )
      : {},
    api: some(['lost', 'unavailable'], 0.1),
    crash: stormy ? maybe(0.08) : 0,
    freeze: stormy ? maybe(0.15) : 0,
    meddling: some(['signOut', 'login', 'steal', 'reject'], 0.25, 0.25),
    deeds: {
      call: 10,
      token: 5,
      abortedCall: 1,
      reject: 2,
      ...some(['signOut', 'login', 'crash', 'freeze'], 2),
      ...some(['revoke', 'steal'], 0.3, 0.2),
    },
    deedCount: chance.between(5, 40),
    mayBeLost: chance.happens(0.5),
    users: chance.between(1, 2),
    identified: chance.happens(0.5),
    lag: chance.happens(0.2) ? chance.between(1, replicationLag) : 0,
  };
}
