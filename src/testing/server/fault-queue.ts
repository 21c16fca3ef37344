/**
 * Faults and holds that wait for their requests.
 *
 * @module
 */

import type { EndpointName } from './http-exchange.ts';
import type { MemberNames } from './known-members.ts';

/** A request, as passed to `when`. */
export interface ReceivedRequest {
  readonly endpoint: EndpointName;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** Short id of the token that it carries, if the server has issued it. */
  readonly token: string | undefined;
}

/** Selection of requests. */
export interface RequestChoice {
  /** @default 'token' */
  readonly on?: EndpointName;
  /** @default faults: 1, holds: all until they are released */
  readonly times?: number;
  /** @default every request of the endpoint */
  readonly when?: (request: ReceivedRequest) => boolean;
}

export const choiceMembers: MemberNames<RequestChoice> = { on: true, times: true, when: true };

/** A function that releases held requests. See `hold` of {@link TestAuthorizationServer}. */
export interface Hold {
  /** Releases all requests and stops holding. Resolves when the server has served them. */
  (): Promise<void>;
  /** Number of requests that it holds now. */
  readonly waiting: number;
  /** Resolves as soon as it holds this many requests. @default 1 */
  arrived(count?: number): Promise<void>;
}

interface Chosen<T> {
  readonly on: EndpointName;
  readonly when: ((request: ReceivedRequest) => boolean) | undefined;
  readonly what: T;
  left: number;
}

/** The planned faults of the next requests, in the order in which they were requested. */
export class FaultQueue<T> {
  readonly #chosen: Chosen<T>[] = [];

  /** Plans a fault. Returns a function that removes it. */
  add(what: T, choice: RequestChoice & { readonly times: number }): () => void {
    const chosen: Chosen<T> = { on: choice.on ?? 'token', when: choice.when, what, left: choice.times };
    this.#chosen.push(chosen);
    return () => this.#remove(chosen);
  }

  /** Returns the fault planned for the next request. */
  next(endpoint: EndpointName, request: () => ReceivedRequest): T | undefined {
    if (this.#chosen.length === 0) return undefined;
    const chosen = this.#chosen.find(({ on, when }) => on === endpoint && (when?.(request()) ?? true));
    if (!chosen) return undefined;
    chosen.left--;
    if (chosen.left <= 0) this.#remove(chosen);
    return chosen.what;
  }

  #remove(chosen: Chosen<T>): void {
    const index = this.#chosen.indexOf(chosen);
    if (index >= 0) this.#chosen.splice(index, 1);
  }
}

/** The implementation of a {@link Hold}. */
export class Gate {
  readonly commits: boolean;
  #waiting = 0;
  #isOpen = false;
  readonly #released: Promise<void>;
  readonly #arrivals: { readonly count: number; readonly resolve: () => void }[] = [];
  readonly #allServed: Promise<void>;
  #unserved = 0;
  #release: () => void = () => {};
  #serve: () => void = () => {};

  constructor(commits: boolean) {
    this.commits = commits;
    this.#released = new Promise((resolve) => {
      this.#release = resolve;
    });
    this.#allServed = new Promise((resolve) => {
      this.#serve = resolve;
    });
  }

  /** Holds a request. Resolves when the request may continue. */
  async pass(): Promise<void> {
    if (this.#isOpen) return;
    this.#waiting++;
    this.#unserved++;
    for (const { count, resolve } of this.#arrivals) if (this.#waiting >= count) resolve();
    await this.#released;
    this.#waiting--;
  }

  /** Reports that a released request was served. */
  served(): void {
    this.#unserved--;
    if (this.#isOpen && this.#unserved <= 0) this.#serve();
  }

  /** Returns the hold of the gate. `close` stops the gate from getting more requests. */
  hold(close: () => void): Hold {
    const release = (): Promise<void> => {
      close();
      this.#isOpen = true;
      this.#release();
      if (this.#unserved === 0) this.#serve();
      return this.#allServed;
    };
    const arrived = (count = 1): Promise<void> =>
      this.#waiting >= count
        ? Promise.resolve()
        : new Promise((resolve) => this.#arrivals.push({ count, resolve }));
    const hold = Object.assign(release, { arrived, waiting: 0 });
    return Object.defineProperty(hold, 'waiting', { get: () => this.#waiting });
  }
}
