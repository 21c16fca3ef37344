/**
 * Sees the seven steps of a refresh from outside: the library does them through what it was handed, a storage, a lock and a
 * `fetch`. These are the same ones, with someone who looks over their shoulder and, on request, slows them down.
 */
import type { TokenLock, TokenStorage } from 'tokenkeep';
import type { Fact } from './facts.ts';
import type { Pace } from './pace.ts';

interface Watcher {
  readonly pace: Pace;
  readonly tell: (fact: Fact) => void;
}

/** How far the holder of the lock has come. */
type Phase = 'rests' | 'asks' | 'decides' | 'spends' | 'commits';

export class Watched {
  readonly #pace: Pace;
  readonly #tell: (fact: Fact) => void;
  #phase: Phase = 'rests';

  constructor({ pace, tell }: Watcher) {
    this.#pace = pace;
    this.#tell = tell;
  }

  /** 1 join, 2 lock, 7 release. */
  lock(lock: TokenLock): TokenLock {
    return {
      ...lock,
      request: async (name, options, callback) => {
        try {
          await this.#step({ what: 'step', step: 1 });
          options.signal?.throwIfAborted();
          this.#tell({ what: 'step', step: 2, detail: 'waits' });
          return await lock.request(name, options, () => this.#hold(callback));
        } finally {
          this.#tell({ what: 'step', step: 0 });
        }
      },
    };
  }

  async #hold<T>(callback: () => Promise<T>): Promise<T> {
    this.#phase = 'asks';
    this.#tell({ what: 'step', step: 2, detail: 'holds' });
    if (this.#pace.isTired) {
      this.#pace.freeze();
      this.#tell({ what: 'frozen' });
    }
    await this.#pace.step();
    try {
      return await callback();
    } finally {
      this.#phase = 'rests';
      await this.#step({ what: 'step', step: 7 });
    }
  }

  /** 3 re-read, 4 reconcile, 5 mark, 6 commit. */
  storage(storage: TokenStorage): TokenStorage {
    return {
      ...storage,
      read: async (key) => {
        if (this.#phase !== 'asks') {
          await this.#pace.awake();
          return await storage.read(key);
        }
        this.#phase = 'decides';
        await this.#step({ what: 'step', step: 3 });
        const stored = await storage.read(key);
        await this.#step({ what: 'step', step: 4 });
        return stored;
      },
      write: async (key, record, ifVersion) => {
        if (this.#phase === 'decides') await this.#step({ what: 'step', step: 5, detail: 'marks' });
        else if (this.#phase !== 'rests') await this.#commit();
        await this.#pace.awake();
        return await storage.write(key, record, ifVersion);
      },
      delete: async (key, ifVersion) => {
        if (this.#phase !== 'rests') await this.#commit();
        await storage.delete(key, ifVersion);
      },
    };
  }

  async #commit(): Promise<void> {
    this.#phase = 'commits';
    await this.#step({ what: 'step', step: 6 });
  }

  /** 5 spend, and every call with its number. */
  fetch(tokenEndpoint: string): typeof fetch {
    const sent = new Map<number, number>();
    return async (input, init) => {
      await this.#pace.awake();
      const { url, headers } = new Request(input, init);
      if (url === tokenEndpoint) return await this.#post(input, init);
      const call = Number(headers.get('x-call'));
      const time = (sent.get(call) ?? 0) + 1;
      sent.set(call, time);
      this.#tell({ what: 'sent', call, time });
      try {
        const response = await fetch(input, init);
        this.#tell({ what: 'answered', call, status: response.status });
        return response;
      } catch (error) {
        this.#tell({ what: 'unreachable', call });
        throw error;
      } finally {
        await this.#pace.awake();
      }
    };
  }

  async #post(input: string | URL | Request, init: RequestInit | undefined): Promise<Response> {
    this.#phase = 'spends';
    this.#tell({ what: 'step', step: 5, detail: 'posts' });
    this.#tell({ what: 'posted' });
    try {
      const response = await fetch(input, init);
      await response.clone().arrayBuffer(); // a whole answer, or none
      this.#tell({ what: 'post answered', status: response.status });
      return response;
    } catch (error) {
      this.#tell({ what: 'post answered', status: 0 });
      throw error;
    } finally {
      await this.#pace.step();
    }
  }

  async #step(fact: Fact): Promise<void> {
    await this.#pace.awake();
    this.#tell(fact);
    await this.#pace.step();
  }
}
