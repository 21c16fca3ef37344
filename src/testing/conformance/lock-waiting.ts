/**
 * Laws lock-3 and lock-4: the result of a request, and the abort of a waiter.
 *
 * @module
 */
import type { TokenLock } from '../../core/contracts.ts';
import type { Law } from './conformance-case.ts';
import { deferred, flushTurns, formatValue, must, rejectionOf } from './conformance-case.ts';
import type { LockUnderTest } from './lock-under-test.ts';

const outcomes: readonly Law<LockUnderTest>[] = [
  {
    law: 'lock-3',
    title: 'the result of the callback is the result of the request',
    async verify(trial) {
      for (const [index, value] of [{ some: 'object' }, 'text', 0, '', null, undefined, false].entries()) {
        const request = trial.lock.request<unknown>(`name${index}`, {}, () => Promise.resolve(value));
        const seen = await trial.soon(request, 'The request resolves');
        must(
          Object.is(seen, value),
          `Expected the callback's ${formatValue(value)}, saw ${formatValue(seen)}.`,
        );
      }
    },
  },
  {
    law: 'lock-3',
    title: 'the error of the callback is the error of the request',
    async verify(trial) {
      const reasons = [new Error('on purpose'), 'text', undefined, null, { aborted: true }];
      for (const [index, reason] of reasons.entries()) {
        const request = () => trial.lock.request(`name${index}`, {}, () => Promise.reject(reason));
        const rejection = rejectionOf(request, 'A request whose callback rejects');
        const seen = await trial.soon(rejection, 'The request rejects');
        must(
          Object.is(seen, reason),
          `Expected the callback's ${formatValue(reason)}, saw ${formatValue(seen)}.`,
        );
      }
    },
  },
  {
    law: 'lock-3',
    title: 'an error that the callback throws before it returns a promise rejects the request',
    async verify({ lock }) {
      const reason = new Error('on purpose');
      const throws = (): Promise<never> => {
        throw reason;
      };
      const seen = await rejectionOf(
        () => lock.request('name', {}, throws),
        'A request whose callback throws',
      );
      must(Object.is(seen, reason), `Expected the callback's error, saw ${formatValue(seen)}.`);
    },
  },
];

const leaving: readonly Law<LockUnderTest>[] = [
  {
    law: 'lock-4',
    title: 'an aborted waiter leaves at once, with the reason of the signal, and never runs',
    async verify(trial) {
      for (const [index, lock] of (await trial.handles()).entries()) {
        await leave(trial, lock, { name: `error${index}`, reason: new Error('on purpose') });
        await leave(trial, lock, { name: `text${index}`, reason: 'text' });
        await leave(trial, lock, { name: `nothing${index}`, reason: undefined });
      }
    },
  },
  {
    law: 'lock-4',
    title: 'with a signal that is aborted already a request rejects with its reason and never runs',
    async verify(trial) {
      const reason = new Error('on purpose');
      let hasRun = false;
      const run = (): Promise<void> => {
        hasRun = true;
        return Promise.resolve();
      };
      const request = () => trial.lock.request('name', { signal: AbortSignal.abort(reason) }, run);
      const seen = await trial.soon(rejectionOf(request, 'A request that was aborted before'), 'It rejects');
      must(seen === reason, `Expected the signal's reason, saw ${formatValue(seen)}.`);
      await trial.mustBeFree('name', 'after a request that was aborted before');
      await flushTurns(3);
      must(!hasRun, 'Expected a request that was aborted before never to run, saw it run.');
    },
  },
  {
    law: 'lock-4',
    title: 'after the grant the signal has no effect',
    async verify(trial) {
      const controller = new AbortController();
      const granted = deferred<void>();
      const over = deferred<string>();
      const request = trial.lock.request('name', { signal: controller.signal }, () => {
        granted.resolve();
        return over.promise;
      });
      await trial.soon(Promise.race([granted.promise, request]), 'The lock is granted');
      const waiter = trial.holder('name');
      controller.abort(new Error('too late'));
      await flushTurns(10);
      must(!waiter.hasRun, 'Expected the lock to be held after a late abort, saw a waiter run.');
      over.resolve('done');
      const outcome = request.then(() => 'resolves', formatValue);
      const seen = await trial.soon(outcome, 'The request resolves');
      must(seen === 'resolves', `Expected the request to resolve after a late abort, saw ${seen}.`);
      await trial.soon(waiter.granted, 'The waiter gets the lock');
      await waiter.release();
    },
  },
  {
    law: 'lock-4',
    title: 'a waiter that leaves does not disturb those before and behind it',
    async verify(trial) {
      const holder = await trial.acquire('name');
      const controller = new AbortController();
      const before = trial.holder('name');
      const leaver = trial.holder('name', trial.lock, controller.signal);
      const behind = trial.holder('name');
      await flushTurns(3);
      controller.abort();
      await trial.soon(
        leaver.result.catch(() => {}),
        'An aborted waiter leaves',
      );
      must(!before.hasRun && !behind.hasRun, 'Expected the others to wait on, saw one run.');
      await holder.release();
      const inTurn = [before, behind].map(async (waiter) => {
        await waiter.granted;
        await waiter.release();
      });
      await trial.soon(Promise.all(inTurn), 'The others get the lock');
      await trial.mustBeFree('name', 'after the others had it');
    },
  },
];

async function leave(
  trial: LockUnderTest,
  lock: TokenLock,
  how: { name: string; reason: unknown },
): Promise<void> {
  const { name, reason } = how;
  const holder = await trial.acquire(name);
  const controller = new AbortController();
  const waiter = trial.holder(name, lock, controller.signal);
  await flushTurns(3);
  controller.abort(reason);
  const expected: unknown = controller.signal.reason;
  const left = waiter.result.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  const seen = await trial.soon(left, 'An aborted waiter leaves');
  must(
    seen?.error === expected,
    `Expected the signal's ${formatValue(expected)}, saw ${formatValue(seen?.error)}.`,
  );
  await holder.release();
  await trial.mustBeFree(name, 'after a waiter left');
  await flushTurns(3);
  must(!waiter.hasRun, 'Expected an aborted waiter never to run, saw it run.');
}

/** The laws of waiting for a lock. */
export const lawsOfWaiting: readonly Law<LockUnderTest>[] = [...outcomes, ...leaving];
