/**
 * Facts that tabs report: calls at the contracts that they pass to the library (storage, lock, fetch), and the events
 * of their manager. Nothing here is guessed.
 */

/** Where a tab is in the seven steps of a refresh; `0`: nowhere. */
export type Step = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

export type Fact =
  /** The application has called `manager.fetch`. */
  | { readonly what: 'asked'; readonly call: number }
  /** A request of this call goes out, for the first or the second time. */
  | { readonly what: 'sent'; readonly call: number; readonly time: number }
  | { readonly what: 'answered'; readonly call: number; readonly status: number }
  | { readonly what: 'unreachable'; readonly call: number }
  /** Result for the application: a status, or the code of an error. */
  | { readonly what: 'got'; readonly call: number; readonly result: number | string }
  | { readonly what: 'step'; readonly step: Step; readonly detail?: StepDetail }
  | { readonly what: 'posted' }
  /** `0`: no whole answer. */
  | { readonly what: 'post answered'; readonly status: number }
  | { readonly what: 'event'; readonly type: string; readonly detail?: string }
  | { readonly what: 'frozen' }
  | { readonly what: 'woken' };

export type StepDetail = 'waits' | 'holds' | 'marks' | 'posts' | 'leaves';

/** A fact, its tab, and its time, in ms since the page began. */
export type Told = Fact & { readonly tab: number; readonly at: number };

/** Commands of the page to a tab. */
export type Order =
  | { readonly do: 'open'; readonly wiring: Wiring; readonly session: string; readonly pace: number }
  | { readonly do: 'sign in'; readonly tokens: object }
  | { readonly do: 'call'; readonly times: number }
  /** Its clock goes forward, until the access token has seconds left. */
  | { readonly do: 'age' }
  /** It falls asleep as soon as it has the lock. */
  | { readonly do: 'freeze' }
  | { readonly do: 'wake' }
  | { readonly do: 'pace'; readonly pace: number };

/** The configuration of a tab's manager. */
export interface Wiring {
  readonly clientId: string;
  readonly issuer: string;
  readonly tokenEndpoint: string;
  readonly revocationEndpoint: string;
  readonly api: string;
}

/** Over the line between the page and its tabs. */
export type FromPage = { readonly id: number; readonly order: Order };
export type FromTab =
  | { readonly facts: readonly Told[] }
  | { readonly done: number; readonly error?: string }
  | { readonly ready: true };
