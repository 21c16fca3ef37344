/** The only place where anything happens: one event after the other, in the order of simulated time and of the seed. */
import type { Chance } from './chance.ts';

interface Event {
  readonly at: number;
  /** Of two events for the same time one goes first: by the seed. */
  readonly tie: number;
  readonly label: string;
  readonly run: () => void;
}

/** Runs everything that follows from an event without I/O: it ends when the event loop has turned once. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

const start = Date.UTC(2030, 0, 1);

export class Scheduler {
  readonly chance: Chance;
  /** True time, in Unix ms. Processes have clocks of their own. */
  now: number = start;
  steps = 0;
  /** Names the schedule: two runs with the same one have done the same. */
  digest = 0x811c9dc5;
  readonly #lines: string[] | undefined;
  readonly #queue: Set<Event> = new Set();

  constructor(chance: Chance, lines: string[] | undefined) {
    this.chance = chance;
    this.#lines = lines;
  }

  get idle(): boolean {
    return this.#queue.size === 0;
  }

  /** Something happens after `delay` ms. Returns how to take it back. */
  after(delay: number, label: string, run: () => void): () => void {
    const event = { at: this.now + Math.max(0, delay), tie: this.chance.next(), label, run };
    this.#queue.add(event);
    return () => this.#queue.delete(event);
  }

  /** Something is worth a line of the schedule. */
  note(text: string): void {
    for (let index = 0; index < text.length; index++) {
      this.digest = Math.imul(this.digest ^ text.charCodeAt(index), 0x01000193);
    }
    this.#lines?.push(`${((this.now - start) / 1000).toFixed(3).padStart(10)}  ${text}`);
  }

  /** Lets the next event happen, with everything that follows from it. */
  async step(): Promise<void> {
    const event = this.#next();
    if (event === undefined) return;
    this.#queue.delete(event);
    this.now = event.at;
    this.steps += 1;
    if (event.label !== '') this.note(event.label);
    event.run();
    await turn();
  }

  #next(): Event | undefined {
    let next: Event | undefined;
    for (const event of this.#queue) {
      if (next === undefined || event.at < next.at || (event.at === next.at && event.tie < next.tie))
        next = event;
    }
    return next;
  }
}
