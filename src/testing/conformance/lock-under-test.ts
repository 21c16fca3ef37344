/**
 * The tools for every law of a lock: the lock under test, its other handles, and control over the holder.
 *
 * @module
 */
import type { TokenLock } from '../../core/contracts.ts';
import type { CaseTimeout } from './conformance-case.ts';
import { deferred, must, mustSettle } from './conformance-case.ts';

/** A fresh lock that shares nothing with any other one. */
export interface LockFixture {
  readonly lock: TokenLock;
  /** Opens the same lock once more, as another tab, process or machine does. */
  reopen?(): TokenLock | Promise<TokenLock>;
  /** Someone else takes the lock of this name and dies while holding it. Resolves when that has happened. */
  abandon?(name: string): Promise<void>;
  /** Cleans up after a law. */
  close?(): unknown;
}

/** Capabilities that a lock does not have. Nothing is left out that is not declared here. */
export interface LockConformanceOptions extends CaseTimeout {
  /** `false`: there is one handle only. @default true */
  readonly reopen?: boolean;
  /** `false`: a holder cannot die without the lock itself, or a test cannot let it die. @default true */
  readonly holderDeath?: boolean;
}

/** Someone who has the lock, or waits for it. */
export interface Holder {
  /** Resolves when it has the lock. */
  readonly granted: Promise<void>;
  /** Outcome of its request. */
  readonly result: Promise<unknown>;
  readonly hasRun: boolean;
  /** Ends its callback. */
  release(): Promise<void>;
}

/** The lock under test. */
export class LockUnderTest {
  readonly fixture: LockFixture;
  readonly lock: TokenLock;
  readonly #timeout: CaseTimeout;

  constructor(fixture: LockFixture, options: LockConformanceOptions) {
    this.fixture = fixture;
    this.lock = fixture.lock;
    this.#timeout = options;
  }

  /** All handles of the lock that there can be: one or two. */
  async handles(): Promise<readonly [TokenLock, ...TokenLock[]]> {
    return this.fixture.reopen ? [this.lock, await this.fixture.reopen()] : [this.lock];
  }

  /** Asks for the lock, and keeps it until `release`. */
  holder(name: string, lock: TokenLock = this.lock, signal?: AbortSignal): Holder {
    const granted = deferred<void>();
    const over = deferred<void>();
    let hasRun = false;
    const result = lock.request(name, { signal }, async () => {
      hasRun = true;
      granted.resolve();
      await over.promise;
    });
    result.catch(() => {}); // a case that does not look at it must not fail for it
    const release = async (): Promise<void> => {
      over.resolve();
      await this.soon(result, 'A request resolves when its callback has');
    };
    return {
      granted: granted.promise,
      result,
      release,
      get hasRun() {
        return hasRun;
      },
    };
  }

  /** Takes the lock. */
  async acquire(name: string, lock: TokenLock = this.lock, signal?: AbortSignal): Promise<Holder> {
    const holder = this.holder(name, lock, signal);
    await this.soon(Promise.race([holder.granted, holder.result]), 'The lock is granted');
    return holder;
  }

  /** The lock must be free: a request is granted. */
  async mustBeFree(name: string, when: string): Promise<void> {
    for (const lock of await this.handles()) {
      let hasRun = false;
      const request = lock.request(name, {}, () => {
        hasRun = true;
        return Promise.resolve();
      });
      await this.soon(request, `The lock is granted ${when}`);
      must(hasRun, `Expected the lock to be granted ${when}, saw the request resolve without a run.`);
    }
  }

  /** The promise, unless it takes too long. */
  soon<T>(promise: Promise<T>, what: string): Promise<T> {
    return mustSettle(promise, this.#timeout, what);
  }
}
