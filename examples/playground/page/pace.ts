/** How fast a tab goes through a refresh: at its own speed, slowly enough to watch, or not at all while it is frozen. */
import type { Clock } from 'tokenkeep';

export class Pace {
  /** How long each step takes longer, in ms. */
  slow = 0;
  /** `true`: it falls asleep as soon as it has the lock. */
  isTired = false;
  #asleep: Promise<void> | undefined;
  #wake: () => void = () => {};

  get isFrozen(): boolean {
    return this.#asleep !== undefined;
  }

  freeze(): void {
    this.isTired = false;
    this.#asleep ??= new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  wake(): void {
    this.isTired = false;
    this.#asleep = undefined;
    this.#wake();
  }

  /** Resolves at once, unless the tab is frozen: then when it wakes up. */
  async awake(): Promise<void> {
    while (this.#asleep !== undefined) await this.#asleep;
  }

  /** One step of a refresh. */
  async step(): Promise<void> {
    await this.awake();
    if (this.slow > 0) await new Promise((resolve) => setTimeout(resolve, this.slow));
    await this.awake();
  }
}

/** A clock whose timers do not fire in a frozen tab, and which can be ahead. */
export function clockOf(pace: Pace): Clock & { ahead: number } {
  return {
    ahead: 0,
    now() {
      return Date.now() + this.ahead;
    },
    setTimeout: (callback, delay) => setTimeout(() => void pace.awake().then(callback), delay),
    clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
  };
}
