/**
 * Laws lock-1, lock-2, lock-5 and lock-6: one holder per name, released when it ends, granted to every waiter, name
 * by name.
 *
 * @module
 */
import type { TokenLock } from '../../core/contracts.ts';
import type { Law } from './conformance-case.ts';
import { flushTurns, must, mustEqual } from './conformance-case.ts';
import type { Holder, LockConformanceOptions, LockUnderTest } from './lock-under-test.ts';
import { unusualKeys } from './unusual-names.ts';

const contenders = 100;

const oneAtATime: Law<LockUnderTest> = {
  law: 'lock-1',
  title: 'of 100 contenders one runs at a time, and each runs once',
  async verify(trial) {
    const handles = await trial.handles();
    const runs = Array.from({ length: contenders }, () => 0);
    let inside = 0;
    let most = 0;
    const requests = runs.map((_, contender) => {
      const lock = handles[contender % handles.length] as TokenLock;
      return lock.request('name', {}, async () => {
        runs[contender] = (runs[contender] ?? 0) + 1;
        most = Math.max(most, ++inside);
        for (let step = 0; step < contender % 5; step++) await Promise.resolve();
        await flushTurns(contender % 3);
        inside--;
      });
    });
    await trial.soon(Promise.all(requests), `${contenders} contenders come to their end`);
    must(most === 1, `Expected one callback at a time, saw ${most}.`);
    mustEqual(
      runs,
      Array.from({ length: contenders }, () => 1),
      'How often each contender ran',
    );
  },
};

const handles: Law<LockUnderTest> = {
  law: 'lock-1',
  title: 'a lock that is held through one handle is held for the others',
  async verify(trial) {
    must(
      trial.fixture.reopen !== undefined,
      'createLock() gives no reopen(). Give one, or declare { reopen: false }.',
    );
    const other = await trial.fixture.reopen();
    for (const [first, second] of [[trial.lock, other] as const, [other, trial.lock] as const]) {
      const holder = await trial.acquire('name', first);
      const waiter = trial.holder('name', second);
      await flushTurns(10);
      must(!waiter.hasRun, 'Expected the other handle to wait, saw it run.');
      await holder.release();
      await trial.soon(waiter.granted, 'The other handle gets the lock');
      await waiter.release();
    }
  },
};

const oneHandle: Law<LockUnderTest> = {
  law: 'lock-1',
  title: 'there is one handle only, as declared, so it reaches this process only',
  verify({ fixture, lock }) {
    must(fixture.reopen === undefined, 'Declared { reopen: false }, but there is a reopen(): prove it.');
    must(lock.reach === 'process', `Expected reach 'process', saw ${lock.reach}.`);
    return Promise.resolve();
  },
};

const freed: readonly Law<LockUnderTest>[] = [
  {
    law: 'lock-2',
    title: 'the lock is free again when the callback resolves, as often as it is used',
    async verify(trial) {
      for (let round = 0; round < 3; round++) {
        await trial.lock.request('name', {}, () => Promise.resolve());
        await trial.mustBeFree('name', 'after the callback resolved');
        await flushTurns(3);
      }
    },
  },
  {
    law: 'lock-2',
    title: 'the lock is free again when the callback rejects, for waiters and newcomers',
    async verify(trial) {
      const failing = trial.lock.request('name', {}, () => Promise.reject(new Error('on purpose')));
      const waiter = trial.holder('name');
      await Promise.allSettled([failing]);
      await trial.soon(waiter.granted, 'A waiter gets the lock after the callback rejected');
      await waiter.release();
      await trial.mustBeFree('name', 'after the callback rejected');
    },
  },
  {
    law: 'lock-2',
    title: 'the lock is free again when the callback throws before it returns a promise',
    async verify(trial) {
      const failing = Promise.resolve().then(() => trial.lock.request('name', {}, throws));
      await Promise.allSettled([failing]);
      await trial.mustBeFree('name', 'after the callback threw');
    },
  },
];

function throws(): Promise<never> {
  throw new Error('on purpose');
}

const death: Law<LockUnderTest> = {
  law: 'lock-2',
  title: 'the lock is free again when its holder dies',
  async verify(trial) {
    must(
      trial.fixture.abandon !== undefined,
      'createLock() gives no abandon(). Give one, or declare { holderDeath: false }.',
    );
    await trial.fixture.abandon('name');
    await trial.mustBeFree('name', 'after its holder died');
  },
};

const immortal: Law<LockUnderTest> = {
  law: 'lock-2',
  title: 'a holder cannot die without the lock, as declared',
  verify({ fixture }) {
    must(
      fixture.abandon === undefined,
      'Declared { holderDeath: false }, but there is an abandon(): prove it.',
    );
    return Promise.resolve();
  },
};

const fair: Law<LockUnderTest> = {
  law: 'lock-5',
  title: 'a waiter gets the lock although others keep coming',
  async verify(trial) {
    const handles = await trial.handles();
    const first = await trial.acquire('name');
    const waiters = handles.map((lock) => trial.holder('name', lock));
    const hasEnded = (waiter: Holder): Promise<void> => waiter.granted.then(() => waiter.release());
    let isWaiting = true;
    let rounds = 0;
    const comeAgain = async (): Promise<void> => {
      while (isWaiting) await trial.lock.request('name', {}, () => flushTurns(++rounds % 50 === 0 ? 1 : 0));
    };
    const greedy = Promise.all(Array.from({ length: 10 }, comeAgain));
    try {
      await first.release();
      await trial.soon(Promise.all(waiters.map(hasEnded)), 'Waiters run, though others keep coming');
    } finally {
      isWaiting = false;
    }
    await trial.soon(greedy, 'Requests that keep coming end');
  },
};

const everybody: Law<LockUnderTest> = {
  law: 'lock-5',
  title: 'a waiter that is not aborted runs',
  async verify(trial) {
    const holder = await trial.acquire('name');
    const ran: number[] = [];
    const waiters = Array.from({ length: 30 }, (_, index) => {
      const controller = new AbortController();
      const request = trial.lock.request('name', { signal: controller.signal }, () => {
        ran.push(index);
        return Promise.resolve();
      });
      request.catch(() => {}); // an aborted request rejects while the holder still releases
      return { controller, request, isAborted: index % 3 === 1 };
    });
    await flushTurns(2);
    for (const { controller, isAborted } of waiters) if (isAborted) controller.abort();
    await holder.release();
    const requests = waiters.map(({ request, isAborted }) => (isAborted ? request.catch(() => {}) : request));
    await trial.soon(Promise.all(requests), 'All that were not aborted run');
    const missed = [...waiters.keys()].filter((index) => !waiters[index]?.isAborted && !ran.includes(index));
    mustEqual(missed, [], 'Waiters that were not aborted and did not run');
  },
};

const names: Law<LockUnderTest> = {
  law: 'lock-6',
  title: 'names do not touch each other, whatever characters they have',
  async verify(trial) {
    const holders: Holder[] = [];
    for (const name of unusualKeys) {
      const request = trial.acquire(name);
      const what = `The lock ${JSON.stringify(name.slice(0, 40))} is granted while others are held`;
      holders.push(await trial.soon(request, what));
    }
    for (const holder of holders) await holder.release();
  },
};

/** Returns the laws of holding a lock, for a lock with these capabilities. */
export function lawsOfExclusion(options: LockConformanceOptions): readonly Law<LockUnderTest>[] {
  const several = options.reopen === false ? oneHandle : handles;
  const dying = options.holderDeath === false ? immortal : death;
  return [oneAtATime, several, ...freed, dying, fair, everybody, names];
}
