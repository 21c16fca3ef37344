import { afterAll, beforeAll, expect } from 'vitest';
import type { Family } from './family.ts';
import { SessionProcess } from './session-processes.ts';

/** Two processes that live through all tests of a suite, and one after the other that does not. */
export interface Crew {
  readonly survivor: SessionProcess;
  readonly waiter: SessionProcess;
  /** Returns a process that was started ahead of its time, and starts the next one. */
  victim(): SessionProcess;
  /** Resolves with the call of the one who waits for the lock: if that is needed, it stands in the queue. */
  waitBehind(isNeeded: boolean): Promise<Promise<number | string>[]>;
}

/** Starts them before the first test of this suite, and ends them after the last one. */
export function crew(): Crew {
  let survivor: SessionProcess;
  let waiter: SessionProcess;
  let next: SessionProcess;
  beforeAll(() => {
    [survivor, waiter, next] = [new SessionProcess(), new SessionProcess(), new SessionProcess()];
  });
  afterAll(async () => {
    await Promise.all([survivor, waiter, next].map((one) => one.kill()));
  });
  return {
    get survivor() {
      return survivor;
    },
    get waiter() {
      return waiter;
    },
    victim() {
      const one = next;
      next = new SessionProcess();
      return one;
    },
    async waitBehind(isNeeded) {
      if (!isNeeded) return [];
      const call = waiter.call();
      await waiter.reaches('waiting');
      return [call];
    },
  };
}

/** The answer is nowhere: one careful attempt is made, by one of all, and it ends the session with its true reason. */
export function mustHaveLostTheAnswer({ server }: Family, outcomes: (number | string)[]): void {
  const [reason, ...others] = outcomes.sort().map(String);
  expect(reason).toBe('ERR_LOGIN_REQUIRED response_lost');
  for (const other of others)
    expect(other).toMatch(/^ERR_LOGIN_REQUIRED (response_lost|signed_out|no_tokens)$/);
  expect(server.counts).toMatchObject({ tokenRequests: 2, refreshes: 1, reuses: 1 });
}

/** Nothing was lost: all go on, with one rotation in all. */
export function mustGoOn({ server }: Family, outcomes: (number | string)[]): void {
  expect(outcomes).toEqual(outcomes.map(() => 200));
  expect(server.counts).toMatchObject({ tokenRequests: 1, refreshes: 1, reuses: 0, familiesRevoked: 0 });
}
