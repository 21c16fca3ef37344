/** A process that can be killed or frozen between any two events: then nothing of it ever runs again, or not for a while. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '../../src/index.ts';
import type { Scheduler } from './scheduler.ts';

/** On whose behalf code runs. */
export interface Errand {
  readonly process: Process;
  /** The lock that it runs in. */
  readonly grant?: Grant;
  /** The sign-out or login that it belongs to. */
  readonly deed?: object;
}

/** Code under test runs inside this, also after any `await`. */
export const errands = new AsyncLocalStorage<Errand>();

/** A lock that was granted. */
export interface Grant {
  readonly name: string;
  readonly process: Process;
  /** When it was granted, in true time. */
  at: number;
  /** Its callback has settled. */
  over: boolean;
  /** How somebody else can hold the lock although the callback still runs: a lease that ended, or a lock that was taken away. */
  lost: 'ended' | 'stolen' | undefined;
}

export class Process {
  readonly name: string;
  readonly index: number;
  readonly clock: Required<Clock>;
  alive = true;
  readonly #scheduler: Scheduler;
  readonly #skew: number;
  #frozenUntil = 0;
  /** A failure that strikes when an event is about to reach the process. */
  readonly #peril: (process: Process, label: string) => void;
  readonly #timers: Map<number, () => void> = new Map();
  #lastTimer = 0;

  constructor(
    scheduler: Scheduler,
    how: {
      index: number;
      incarnation: number;
      skew: number;
      peril: (process: Process, label: string) => void;
    },
  ) {
    this.#scheduler = scheduler;
    this.index = how.index;
    this.name = `p${how.index}.${how.incarnation}`;
    this.#skew = how.skew;
    this.#peril = how.peril;
    this.clock = {
      now: () => scheduler.now + this.#skew,
      setTimeout: (callback, delay) => this.#setTimeout(callback, delay),
      clearTimeout: (timer) => this.#clearTimeout(timer as number),
    };
  }

  /** Brings an event to this process: never after its death, and not while it is frozen. */
  deliver(delay: number, label: string, run: () => void): () => void {
    let cancel = this.#scheduler.after(delay, '', () => arrive());
    const errand = errands.getStore();
    const arrive = () => {
      if (!this.alive) return;
      if (label !== '') this.#peril(this, label);
      if (!this.alive) return;
      if (this.#frozenUntil > this.#scheduler.now) {
        // Whatever came while it was frozen comes when it wakes up, in no particular order.
        const rest = this.#frozenUntil - this.#scheduler.now + this.#scheduler.chance.between(0, 3);
        cancel = this.#scheduler.after(rest, '', arrive);
        return;
      }
      if (label !== '') this.#scheduler.note(`${this.name} ${label}`);
      errands.run(errand?.process === this ? errand : { process: this }, run);
    };
    return () => cancel();
  }

  get frozen(): boolean {
    return this.#frozenUntil > this.#scheduler.now;
  }

  /** Checks whether it has been frozen since then, or still is. */
  hasFrozenSince(at: number): boolean {
    return this.#frozenUntil > at;
  }

  freeze(ms: number): void {
    this.#scheduler.note(`${this.name} freezes for ${ms} ms`);
    this.#frozenUntil = Math.max(this.#frozenUntil, this.#scheduler.now + ms);
  }

  die(): void {
    this.#scheduler.note(`${this.name} dies`);
    this.alive = false;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  #setTimeout(callback: () => void, delay = 0): number {
    const id = ++this.#lastTimer;
    const cancel = this.deliver(delay, '', () => {
      if (this.#timers.delete(id)) callback();
    });
    this.#timers.set(id, cancel);
    return id;
  }

  #clearTimeout(id: number): void {
    this.#timers.get(id)?.();
    this.#timers.delete(id);
  }
}
