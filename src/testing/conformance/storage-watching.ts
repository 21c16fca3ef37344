/**
 * Law storage-9: a watcher of a key is notified of every change of it, until it stops watching.
 *
 * @module
 */
import type { TokenStorage } from '../../core/contracts.ts';
import type { Law } from './conformance-case.ts';
import { flushTurns, must } from './conformance-case.ts';
import type { StorageConformanceOptions, StorageUnderTest, Watcher } from './storage-under-test.ts';

/** Changes a key in all three ways, and expects a notification of each. */
async function changes(writer: TokenStorage, watchers: readonly Watcher[], by: string): Promise<void> {
  const step = async <T>(change: () => Promise<T>, what: string): Promise<T> => {
    const before = watchers.map(({ notifications: notified }) => notified);
    const value = await change();
    await Promise.all(
      watchers.map((one, index) => one.toldAfter(before[index] as number, `${what} by ${by}`)),
    );
    return value;
  };
  const version = await step(() => writer.write('key', { step: 1 }, undefined), 'the first write');
  await step(() => writer.write('key', { step: 2 }, version), 'a write');
  await step(() => writer.delete('key'), 'a delete');
}

const own: Law<StorageUnderTest> = {
  law: 'storage-9',
  title: 'a watcher is notified of every change by its own handle',
  async verify(trial) {
    await changes(trial.storage, [trial.watch('key'), trial.watch('key')], 'the same handle');
  },
};

const others: Law<StorageUnderTest> = {
  law: 'storage-9',
  title: 'a watcher is notified of every change by another handle',
  async verify(trial) {
    const other = await trial.reopen();
    const watchers = [trial.watch('key'), trial.watch('key', other)];
    await changes(other, watchers, 'one handle');
    await changes(trial.storage, watchers, 'the other handle');
  },
};

const stops: Law<StorageUnderTest> = {
  law: 'storage-9',
  title: 'nothing is notified after unwatch, not even a change in progress',
  async verify(trial) {
    const witness = trial.watch('key');
    await changes(trial.storage, [witness], 'the same handle');
    for (let delay = 0; delay < 12; delay++) await leave(trial, witness, delay);
  },
};

/** Stops watching some time after a change began: a change that was not notified by then is never notified. */
async function leave(trial: StorageUnderTest, witness: Watcher, delay: number): Promise<void> {
  const watcher = trial.watch('key');
  const before = witness.notifications;
  const writing = trial.storage.write('key', { delay }, undefined);
  for (let microtasks = 0; microtasks < delay && delay < 9; microtasks++) await Promise.resolve();
  if (delay >= 9) await flushTurns(delay - 8);
  watcher.unwatch();
  watcher.unwatch();
  const { notifications: notified } = watcher;
  const version = await writing;
  await witness.toldAfter(before, 'a write');
  const between = witness.notifications;
  await trial.storage.delete('key', version);
  await witness.toldAfter(between, 'a delete');
  await flushTurns(3);
  must(
    watcher.notifications === notified,
    `After unwatch() expected silence, was told ${watcher.notifications - notified}×.`,
  );
}

const independent: Law<StorageUnderTest> = {
  law: 'storage-9',
  title: 'a watcher that stops does not stop the others, not even with the same listener',
  async verify(trial) {
    const shared = trial.watch('key');
    const second = trial.storage.watch?.('key', shared.listener);
    shared.unwatch();
    await changes(trial.storage, [shared], 'the same handle');
    second?.();
  },
};

const throwing: Law<StorageUnderTest> = {
  law: 'storage-9',
  title: 'a listener that throws harms neither the writer nor the other watchers',
  async verify(trial) {
    const fails = (): void => {
      throw new Error('A listener that throws.');
    };
    const watchers = [trial.watch('key', trial.storage, fails), trial.watch('key')];
    await changes(trial.storage, watchers, 'the same handle');
  },
};

const ownKey: Law<StorageUnderTest> = {
  law: 'storage-9',
  title: 'a watcher is notified of its own key only',
  async verify(trial) {
    const watcher = trial.watch('key');
    await changes(trial.storage, [watcher], 'the same handle');
    let notified = watcher.notifications;
    for (const key of ['flush', '', 'ke', 'key2', 'other', 'key/', '*']) {
      const witness = trial.watch(key);
      await trial.storage.write(key, { key }, undefined);
      await witness.toldAfter(0, 'a write');
      witness.unwatch();
      // A notification may arrive twice if the start of watching was missed, but it arrives before later ones.
      if (key === 'flush') notified = watcher.notifications;
    }
    await flushTurns(3);
    must(
      watcher.notifications === notified,
      `Expected no notification of other keys, got ${watcher.notifications - notified}×.`,
    );
  },
};

const unwatchable: Law<StorageUnderTest> = {
  law: 'storage-9',
  title: 'it cannot be watched, as declared',
  verify({ storage }) {
    must(storage.watch === undefined, 'Declared { watch: false }, but there is a watch(): prove it.');
    return Promise.resolve();
  },
};

/** Returns the laws of watching, for a storage with these capabilities. */
export function lawsOfWatching(options: StorageConformanceOptions): readonly Law<StorageUnderTest>[] {
  if (options.watch === false) return [unwatchable];
  const all = [ownKey, own, others, stops, independent, throwing];
  return options.reopen === false ? all.filter((law) => law !== others) : all;
}
