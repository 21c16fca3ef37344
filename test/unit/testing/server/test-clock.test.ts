import { expect, test } from 'vitest';
import { testClock } from '../../../../src/testing/index.ts';

test('stands still until it is moved', async () => {
  const clock = testClock(1000);
  expect(clock.now()).toBe(1000);
  await clock.advance(500);
  expect(clock.now()).toBe(1500);
  clock.set(200);
  expect(clock.now()).toBe(200);
});

test('calls timers in the order of their times, each at its own', async () => {
  const clock = testClock(0);
  const called: [string, number][] = [];
  const at = (name: string, delay: number): unknown =>
    clock.setTimeout(() => called.push([name, clock.now()]), delay);
  at('c', 30);
  at('a', 10);
  at('b1', 20);
  at('b2', 20);
  at('z', 31);
  expect(clock.timers).toBe(5);
  await clock.advance(30);
  expect(called).toEqual([
    ['a', 10],
    ['b1', 20],
    ['b2', 20],
    ['c', 30],
  ]);
  expect([clock.now(), clock.timers]).toEqual([30, 1]);
});

test('lets everything happen that follows from a timer before the next', async () => {
  const clock = testClock(0);
  const seen: string[] = [];
  clock.setTimeout(async () => {
    for (let step = 0; step < 100; step++) await Promise.resolve();
    seen.push(`first at ${clock.now()}`);
    clock.setTimeout(() => seen.push(`nested at ${clock.now()}`), 5);
  }, 10);
  clock.setTimeout(() => seen.push(`second at ${clock.now()}`), 20);
  await clock.advance(20);
  expect(seen).toEqual(['first at 10', 'nested at 15', 'second at 20']);
});

test('lets what is in progress happen before any time goes by', async () => {
  const clock = testClock(0);
  const seen: number[] = [];
  void Promise.resolve().then(() => clock.setTimeout(() => seen.push(clock.now()), 0));
  await clock.advance(0);
  expect(seen).toEqual([0]);
});

test('a timer that is cleared is not called', async () => {
  const clock = testClock();
  let isCalled = false;
  const timer = clock.setTimeout(() => {
    isCalled = true;
  }, 1);
  clock.clearTimeout(timer);
  clock.clearTimeout(timer);
  clock.clearTimeout(undefined);
  await clock.advance(10);
  expect([isCalled, clock.timers]).toEqual([false, 0]);
});

test('waits no longer than the timers of all platforms can, and not for less than nothing', async () => {
  const clock = testClock(0);
  const called: string[] = [];
  clock.setTimeout(() => called.push('longest'), 2 ** 31 - 1);
  clock.setTimeout(() => called.push('too long'), 2 ** 31);
  clock.setTimeout(() => called.push('negative'), -1);
  clock.setTimeout(() => called.push('not a number'), Number.NaN);
  await clock.advance(0);
  expect(called).toEqual(['too long', 'negative', 'not a number']);
  await clock.advance(2 ** 31 - 1);
  expect(called).toHaveLength(4);
});

test('a clock that jumps calls its timers when it is moved next', async () => {
  const clock = testClock(0);
  const called: number[] = [];
  clock.setTimeout(() => called.push(clock.now()), 10);
  clock.set(1000);
  expect(called).toEqual([]);
  await clock.advance(0);
  expect(called).toEqual([1000]);
});

test('advance rejects with the error that a timer throws', async () => {
  const clock = testClock();
  const reason = new Error('on purpose');
  clock.setTimeout(() => {
    throw reason;
  }, 1);
  await expect(clock.advance(1)).rejects.toBe(reason);
});
