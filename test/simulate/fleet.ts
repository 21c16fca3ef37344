/** The processes of a run: they start, are killed, and start again. */
import {
  type TokenLock,
  TokenManager,
  type TokenManagerOptions,
  type TokenStorage,
} from '../../src/index.ts';
import type { Place } from './deeds.ts';
import { judgeEnd } from './endings.ts';
import type { Facts } from './facts.ts';
import { errands, Process } from './process.ts';
import type { Scheduler } from './scheduler.ts';
import { judgeWords } from './words.ts';

type Transport = typeof globalThis.fetch;

/** Wrappers between a process and its storage, lock or network. They do nothing unless a test breaks something on purpose. */
export interface Doubles {
  readonly storage?: (storage: TokenStorage, process: Process) => TokenStorage;
  readonly lock?: (lock: TokenLock, process: Process) => TokenLock;
  readonly fetch?: (fetch: Transport) => Transport;
}

interface Running {
  readonly process: Process;
  readonly managers: ReadonlyMap<string, TokenManager>;
}

export interface FleetOptions {
  readonly scheduler: Scheduler;
  readonly facts: Facts;
  readonly sessions: readonly string[];
  /** How wrong clocks are at most, in ms. */
  readonly skew: number;
  readonly peril: (process: Process, label: string) => void;
  readonly settings: (process: Process) => Omit<TokenManagerOptions, 'clientId' | 'protectedResources'>;
}

export class Fleet {
  readonly #options: FleetOptions;
  readonly #running: (Running | undefined)[];
  readonly #incarnations: number[] = [];

  constructor(count: number, options: FleetOptions) {
    this.#options = options;
    this.#running = new Array(count).fill(undefined);
  }

  /** All that run now. */
  get places(): Place[] {
    return this.#running.flatMap((running) =>
      running === undefined ? [] : this.#options.sessions.map((session) => placeOf(running, session)),
    );
  }

  startAll(): void {
    for (const index of this.#running.keys()) this.start(index);
  }

  start(index: number): void {
    if (this.#running[index] !== undefined) return;
    const { scheduler, facts, sessions, skew, peril, settings } = this.#options;
    const incarnation = (this.#incarnations[index] ?? 0) + 1;
    this.#incarnations[index] = incarnation;
    const process = new Process(scheduler, {
      ...{ index, incarnation, peril, skew: scheduler.chance.between(-skew, skew) },
    });
    scheduler.note(`${process.name} starts`);
    errands.run({ process }, () => {
      const root = new TokenManager({
        clientId: 'test-client',
        protectedResources: ['https://api.test/'],
        ...settings(process),
      });
      root.on('storeFailed', ({ session }) => {
        facts.storeFailed.set(`${process.name} ${session}`, facts.tick());
      });
      // A change event may announce another user's session: its user is unknown until a token of it is used.
      for (const type of ['signedIn', 'adopted', 'signedOut', 'sessionEnded'] as const)
        root.on(type, ({ session }) => void facts.users.delete(`${process.name} ${session}`));
      for (const type of ['signedOut', 'sessionEnded'] as const)
        root.on(type, ({ session }) => void facts.endedAt.set(`${process.name} ${session}`, facts.tick()));
      root.on('*', (event) => judgeWords(facts, process, event));
      root.on('sessionEnded', ({ session, error: { reason } }) => {
        scheduler.note(`${process.name} says that ${session} ended: ${reason}`);
        facts.ended.push({ process, session, reason });
        judgeEnd(facts, { process, session, reason });
      });
      this.#running[index] = { process, managers: new Map(sessions.map((id) => [id, root.forSession(id)])) };
    });
  }

  /** It dies, and is started again after a while. */
  crash(process: Process): void {
    process.die();
    this.#options.facts.died(process);
    this.#running[process.index] = undefined;
    const { scheduler } = this.#options;
    const rest = scheduler.chance.between(0, scheduler.chance.pick([100, 30_000]));
    scheduler.after(rest, '', () => this.start(process.index));
  }
}

function placeOf({ process, managers }: Running, session: string): Place {
  return { process, session, manager: managers.get(session) as TokenManager };
}
