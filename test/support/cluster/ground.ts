/** A server that several processes keep a session in, and what only a test does with it. */
import type { Place } from '../processes/places.ts';

export interface Ground {
  /** Where process number `index` keeps the session. */
  place(index: number): Place;
  /** Ends what a lock has left when its holder stands still: its lease, before it ends by itself. */
  endLease(): Promise<void>;
  /** The same when its holder is gone. A holder that has got the lock since keeps it. */
  bury(): Promise<void>;
  /** How many locks are held. */
  locks(): Promise<number>;
}
