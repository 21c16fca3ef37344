/**
 * Laws storage-1, storage-2, storage-6 and storage-8: every reader gets the written record, complete, under its own key.
 *
 * @module
 */
import type { TokenStorage, Version } from '../../core/contracts.ts';
import type { Law } from './conformance-case.ts';
import { flushTurns, formatValue, must, mustEqual } from './conformance-case.ts';
import type { StorageConformanceOptions, StorageUnderTest } from './storage-under-test.ts';
import { unusualKeys } from './unusual-names.ts';

/** Every kind of JSON value, also those that careless code loses: an own `__proto__`, NUL, half of a surrogate pair. */
const everything: string = String.raw`{
  "text": "", "quotes": "\"'\\", "unicode": "žluťoučký 漢字 \ud83d\ude00", "nul": "a\u0000b", "half": "\ud83d", "line": "\u2028\n",
  "zero": 0, "negative": -1.5, "big": 9007199254740991, "tiny": 5e-324, "yes": true, "no": false, "nothing": null,
  "list": [], "object": {}, "nested": [[1, [2, { "three": [3] }]]], "": "empty name", "constructor": "a word",
  "__proto__": { "polluted": true }, "length": 3, "toJSON": "a word", "then": "a word"
}`;

function sample(): Record<string, unknown> {
  return JSON.parse(everything);
}

const values: readonly Law<StorageUnderTest>[] = [
  {
    law: 'storage-1',
    title: 'a record that was written is read back equal',
    async verify({ storage }) {
      const version = await storage.write('key', sample(), undefined);
      mustEqual(await storage.read('key'), { record: sample(), version }, 'The first read');
      mustEqual(await storage.read('key'), { record: sample(), version }, 'The second read');
    },
  },
  {
    law: 'storage-1',
    title: 'nothing is read where nothing was written',
    verify: (trial) => trial.mustHoldNothing('key'),
  },
  {
    law: 'storage-1',
    title: 'a record replaces the one before it as a whole',
    async verify(trial) {
      const first = await trial.storage.write('key', { old: 1, both: { old: 1 } }, undefined);
      const version = await trial.storage.write('key', { both: { new: 2 } }, first);
      await trial.mustHold('key', { record: { both: { new: 2 } }, version });
    },
  },
  {
    law: 'storage-1',
    title: 'a record that was read belongs to the reader',
    async verify(trial) {
      const version = await trial.storage.write('key', { list: [1], nested: { a: 1 } }, undefined);
      const { record } = await trial.stored('key');
      Object.assign(record as object, { list: 'changed', added: true });
      await trial.mustHold('key', { record: { list: [1], nested: { a: 1 } }, version });
      const again = (await trial.stored('key')).record as { list: number[]; nested: { a: number } };
      again.list.push(2);
      again.nested.a = 2;
      await trial.mustHold('key', { record: { list: [1], nested: { a: 1 } }, version });
    },
  },
  {
    law: 'storage-1',
    title: 'a record that was passed to write belongs to the storage, from the moment of the call',
    async verify(trial) {
      const record = { list: [1], nested: { a: 1 } };
      const writing = trial.storage.write('key', record, undefined);
      record.list.push(2);
      const version = await writing;
      await trial.mustHold('key', { record: { list: [1], nested: { a: 1 } }, version });
      record.nested.a = 2;
      await trial.mustHold('key', { record: { list: [1], nested: { a: 1 } }, version });
    },
  },
  {
    law: 'storage-1',
    title: 'a record of 200 kB is a record',
    async verify(trial) {
      const record = {
        text: 'ž'.repeat(50_000),
        list: Array.from({ length: 10_000 }, (_, index) => `${index}`),
      };
      const version = await trial.storage.write('key', record, undefined);
      await trial.mustHold('key', { record, version });
    },
  },
];

const visible: readonly Law<StorageUnderTest>[] = [
  {
    law: 'storage-2',
    title: 'a written record is read through another handle, and through one that is opened later',
    async verify(trial) {
      const other = await trial.reopen();
      const version = await trial.storage.write('key', { step: 1 }, undefined);
      mustEqual(await other.read('key'), { record: { step: 1 }, version }, 'The handle that was open');
      const later = await trial.reopen();
      mustEqual(
        await later.read('key'),
        { record: { step: 1 }, version },
        'The handle that was opened later',
      );
    },
  },
  {
    law: 'storage-2',
    title: 'handles see each other’s changes, however often they have read before',
    async verify(trial) {
      const handles = [trial.storage, await trial.reopen(), await trial.reopen()];
      let version = await trial.storage.write('key', { step: -1 }, undefined);
      for (let step = 0; step < 9; step++) {
        const writer = handles[step % 3] as TokenStorage;
        version = await writer.write('key', { step }, version);
        for (const handle of handles)
          mustEqual(await handle.read('key'), { record: { step }, version }, 'A handle');
      }
      await (handles[1] as TokenStorage).delete('key');
      for (const handle of handles)
        must((await handle.read('key')) === undefined, 'A handle sees what was deleted.');
    },
  },
];

const oneHandle: readonly Law<StorageUnderTest>[] = [
  {
    law: 'storage-2',
    title: 'there is one handle only, as declared, so it reaches this process only',
    verify({ fixture, storage }) {
      must(fixture.reopen === undefined, 'Declared { reopen: false }, but there is a reopen(): prove it.');
      must(storage.reach === 'process', `Expected reach 'process', saw ${formatValue(storage.reach)}.`);
      return Promise.resolve();
    },
  },
];

const reach: Law<StorageUnderTest> = {
  law: 'storage-2',
  title: 'it says how far it reaches, and its lock reaches as far',
  verify({ storage }) {
    const isReach = ['process', 'machine', 'cluster'].includes(storage.reach);
    must(isReach, `Expected reach 'process', 'machine' or 'cluster', saw ${formatValue(storage.reach)}.`);
    const reached = storage.lock?.reach ?? storage.reach;
    must(reached === storage.reach, `Expected a lock that reaches ${storage.reach}, saw one for ${reached}.`);
    return Promise.resolve();
  },
};

const wholeRecords: Law<StorageUnderTest> = {
  law: 'storage-6',
  title: 'a reader sees the old record or the new one, whole',
  async verify(trial) {
    const reader = trial.fixture.reopen ? await trial.reopen() : trial.storage;
    const page = (step: number): object =>
      Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`member${index}`, `step ${step}`]));
    const written = new Map([[await trial.storage.write('key', page(0), undefined), 0]]);
    const seen: { step: number; version: unknown }[] = [];
    let isDone = false;
    const read = async (): Promise<void> => {
      for (let count = 0; !isDone; count++) {
        const { record, version } = await trial.stored('key', reader);
        const step = Number(Object.values(record as object)[0]?.slice('step '.length));
        mustEqual(record, page(step), 'A record that was read while others were written');
        seen.push({ step, version });
        if (count % 8 === 0) await flushTurns(1);
      }
    };
    const write = async (): Promise<void> => {
      let version = [...written.keys()][0];
      for (let step = 1; step <= 30; step++) {
        version = await trial.storage.write('key', page(step), version);
        written.set(version, step);
      }
    };
    const writing = write().finally(() => {
      isDone = true;
    });
    await Promise.all([writing, read(), read()]);
    for (const { step, version } of seen)
      mustEqual(written.get(version as never), step, `Version ${formatValue(version)}`);
  },
};

const keys: Law<StorageUnderTest> = {
  law: 'storage-8',
  title: 'keys do not touch each other, whatever characters they have',
  async verify(trial) {
    const versions = new Map<string, Version>();
    await trial.storage.write('unrelated', {}, undefined);
    for (const key of unusualKeys) {
      await trial.mustHoldNothing(key);
      versions.set(key, await trial.storage.write(key, { key }, undefined));
    }
    for (const [key, version] of versions) await trial.mustHold(key, { record: { key }, version });
    for (const [key, version] of versions) {
      await trial.storage.delete(key, version);
      await trial.mustHoldNothing(key);
      versions.delete(key);
      const next = versions.entries().next().value;
      if (next) await trial.mustHold(next[0], { record: { key: next[0] }, version: next[1] });
    }
  },
};

const deletedKeys: Law<StorageUnderTest> = {
  law: 'storage-8',
  title: 'a delete takes away its own key only',
  async verify(trial) {
    const versions = new Map<string, Version>();
    for (const key of unusualKeys) versions.set(key, await trial.storage.write(key, { key }, undefined));
    for (const key of ['a', '', '__proto__', 'a/b']) await trial.storage.delete(key);
    for (const key of ['a', '', '__proto__', 'a/b']) versions.delete(key);
    for (const [key, version] of versions) await trial.mustHold(key, { record: { key }, version });
  },
};

/** Returns the laws of stored values, for a storage with these capabilities. */
export function lawsOfValues(options: StorageConformanceOptions): readonly Law<StorageUnderTest>[] {
  return [
    ...values,
    ...(options.reopen === false ? oneHandle : visible),
    reach,
    wholeRecords,
    keys,
    deletedKeys,
  ];
}
