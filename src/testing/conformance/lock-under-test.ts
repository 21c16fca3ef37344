/**
 * The tools for every law of a lock: the lock under test, its other handles, and control over the holder.
 *
 * @module
 */
import type { TokenLock } from '../../core/contracts.ts';
import type { CaseTimeout } from './conformance-case.ts';
import { deferred, must, mustSettle } from './conformance-case.ts';

/** A new lock that shares nothing with any other one. */
export interface LockFixture {
  readonly lock: TokenLock;
  /** Opens the same lock once more, as another tab, process or machine does. */
  reopen?(): TokenLock | Promise<TokenLock>;
  /** Takes the lock of this name in another process, which dies while holding it. Resolves after its death. */
  abandon?(name: string): Promise<void>;
  /** Cleans up after a law. */
  close?(): unknown;
}

/** Capabilities that a lock does not have. All others are tested. */
export interface LockConformanceOptions extends CaseTimeout {
  /** `false`: there is one handle only. @default true */
  readonly reopen?: boolean;
  /** `false`: a holder cannot die without the lock itself, or a test cannot let it die. @default true */
  readonly holderDeath?: boolean;
}

/** A holder of the lock, or a waiter for it. */
export interface Holder {
  /** Resolves when it holds the lock. */
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

  /** Returns all handles of the lock: one or two. */
  async handles(): Promise<readonly [TokenLock, ...TokenLock[]]> {
    return this.fixture.reopen ? [this.lock, await this.fixture.reopen()] : [this.lock];
  }

  /** Requests the lock, and holds it until `release`. */
  holder(name: string, lock: TokenLock = this.lock, signal?: AbortSignal): Holder {
    const granted = deferred<void>();
    const over = deferred<void>();
    let hasRun = false;
    const result = lock.request(name, { signal }, async () => {
      hasRun = true;
      granted.resolve();
      await over.promise;
    });
    result.catch(() => {}); // a case that ignores the result must not fail with an unhandled rejection
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

  /** Requests the lock, and waits until it is granted. */
  async acquire(name: string, lock: TokenLock = this.lock, signal?: AbortSignal): Promise<Holder> {
    const holder = this.holder(name, lock, signal);
    await this.soon(Promise.race([holder.granted, holder.result]), 'The lock is granted');
    return holder;
  }

  /** Fails the case unless the lock is free: a request must be granted. */
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

  /** Resolves with the result of the promise. Fails the case if the promise takes too long. */
  soon<T>(promise: Promise<T>, what: string): Promise<T> {
    return mustSettle(promise, this.#timeout, what);
  }
}
