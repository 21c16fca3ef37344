/**
 * Laws storage-3, storage-4 and storage-5: compare-and-set, compare-and-delete, and versions that are never used again.
 *
 * @module
 */
import type { TokenStorage, Version } from '../../core/contracts.ts';
import type { Law } from './conformance-case.ts';
import { formatValue, must, mustEqual } from './conformance-case.ts';
import type { StorageUnderTest } from './storage-under-test.ts';
import { canary, mustConflict, outcomes } from './storage-under-test.ts';

const writers = 50;

/** Runs many writers at once, over two handles if there are two: exactly one wins, and its record is stored. */
async function race(trial: StorageUnderTest, ifVersion: Version | undefined): Promise<void> {
  const other = trial.fixture.reopen ? await trial.reopen() : trial.storage;
  const calls = Array.from({ length: writers }, (_, writer) => () => {
    const storage = writer % 2 === 0 ? trial.storage : other;
    return storage.write('key', { writer, token: canary }, ifVersion);
  });
  const { won, versions } = await outcomes(calls, `${writers} writers with the same ifVersion`);
  must(
    won.length === 1,
    `Of ${writers} writers with the same ifVersion expected one to win, saw ${won.length}.`,
  );
  const version = versions[0] as Version;
  await trial.mustHold('key', { record: { writer: won[0], token: canary }, version });
}

const writes: readonly Law<StorageUnderTest>[] = [
  {
    law: 'storage-3',
    title: 'without ifVersion a write succeeds only if nothing is stored',
    async verify(trial) {
      const version = await trial.storage.write('key', { token: canary }, undefined);
      const write = () => trial.storage.write('key', { token: canary, second: true }, undefined);
      await mustConflict(write, 'write', 'A second write without ifVersion');
      await trial.mustHold('key', { record: { token: canary }, version });
    },
  },
  {
    law: 'storage-3',
    title: 'with the stored version a write succeeds, and gives the version that is read',
    async verify(trial) {
      const first = await trial.storage.write('key', { step: 1 }, undefined);
      const second = await trial.storage.write('key', { step: 2 }, first);
      await trial.mustHold('key', { record: { step: 2 }, version: second });
      const { version } = await trial.stored('key');
      const third = await trial.storage.write('key', { step: 3 }, version);
      await trial.mustHold('key', { record: { step: 3 }, version: third });
    },
  },
  {
    law: 'storage-3',
    title: 'with an older version a write is a conflict, and nothing has changed',
    async verify(trial) {
      const first = await trial.storage.write('key', { token: canary }, undefined);
      const version = await trial.storage.write('key', { token: canary, step: 2 }, first);
      const write = () => trial.storage.write('key', { token: canary, step: 3 }, first);
      await mustConflict(write, 'write', 'A write with the version before');
      await trial.mustHold('key', { record: { token: canary, step: 2 }, version });
    },
  },
  {
    law: 'storage-3',
    title: 'with a version a write is a conflict where nothing is stored, and nothing is stored then',
    async verify(trial) {
      const version = await trial.storage.write('other', { token: canary }, undefined);
      const write = () => trial.storage.write('key', { token: canary }, version);
      await mustConflict(write, 'write', 'A write with a version where nothing is stored');
      await trial.mustHoldNothing('key');
    },
  },
  {
    law: 'storage-3',
    title: 'of several first writers exactly one wins',
    verify: (trial) => race(trial, undefined),
  },
  {
    law: 'storage-3',
    title: 'of several writers with the same version exactly one wins',
    async verify(trial) {
      await race(trial, await trial.storage.write('key', { writer: 'nobody' }, undefined));
    },
  },
];

const deletes: readonly Law<StorageUnderTest>[] = [
  {
    law: 'storage-4',
    title: 'without ifVersion a delete always deletes',
    async verify(trial) {
      const version = await trial.storage.write('key', { step: 1 }, undefined);
      await trial.storage.write('key', { step: 2 }, version);
      await trial.storage.delete('key');
      await trial.mustHoldNothing('key');
    },
  },
  {
    law: 'storage-4',
    title: 'with the stored version a delete deletes',
    async verify(trial) {
      const version = await trial.storage.write('key', { step: 1 }, undefined);
      await trial.storage.delete('key', version);
      await trial.mustHoldNothing('key');
    },
  },
  {
    law: 'storage-4',
    title: 'with an older version a delete is a conflict, and nothing has changed',
    async verify(trial) {
      const first = await trial.storage.write('key', { token: canary, step: 1 }, undefined);
      const version = await trial.storage.write('key', { token: canary, step: 2 }, first);
      await mustConflict(
        () => trial.storage.delete('key', first),
        'delete',
        'A delete with the version before',
      );
      await trial.mustHold('key', { record: { token: canary, step: 2 }, version });
    },
  },
  {
    law: 'storage-4',
    title: 'deleting what is not there succeeds',
    async verify(trial) {
      await trial.storage.delete('key');
      await trial.storage.write('key', { step: 1 }, undefined);
      await trial.storage.delete('key');
      await trial.storage.delete('key');
      await trial.mustHoldNothing('key');
    },
  },
  {
    law: 'storage-4',
    title: 'deleting a version of what is not there is a conflict',
    async verify(trial) {
      const version = await trial.storage.write('key', { token: canary }, undefined);
      await trial.storage.delete('key', version);
      await mustConflict(
        () => trial.storage.delete('key', version),
        'delete',
        'A delete of a version that is gone',
      );
      await trial.mustHoldNothing('key');
    },
  },
  {
    law: 'storage-4',
    title: 'of a write and a delete with the same version exactly one succeeds',
    async verify(trial) {
      for (let round = 0; round < 10; round++) await duel(trial, `key${round}`, round % 2 === 0);
    },
  },
];

async function duel(trial: StorageUnderTest, key: string, writeFirst: boolean): Promise<void> {
  const version = await trial.storage.write(key, { step: 1 }, undefined);
  const write = () => trial.storage.write(key, { step: 2 }, version);
  const erase = () => trial.storage.delete(key, version);
  const { won } = await outcomes(writeFirst ? [write, erase] : [erase, write], 'A write and a delete');
  must(won.length === 1, `Of a write and a delete expected one to succeed, saw ${won.length}.`);
  const hasWritten = (won[0] === 0) === writeFirst;
  const stored = await trial.storage.read(key);
  const expected = hasWritten ? { step: 2 } : undefined;
  mustEqual(stored?.record, expected, `After the ${hasWritten ? 'write' : 'delete'} succeeded`);
}

const versions: readonly Law<StorageUnderTest>[] = [
  {
    law: 'storage-5',
    title: 'a version is never used twice, not even for the same record or after a delete',
    async verify(trial) {
      const seen: Version[] = [];
      for (let cycle = 0; cycle < 10; cycle++) {
        const first = await trial.storage.write('key', { same: true }, undefined);
        const second = await trial.storage.write('key', { same: true }, first);
        await trial.storage.delete('key', cycle % 2 === 0 ? second : undefined);
        for (const version of [first, second]) {
          must(
            !seen.includes(version),
            `Expected a new version in cycle ${cycle}, saw ${formatValue(version)} again.`,
          );
          seen.push(version);
        }
      }
    },
  },
  {
    law: 'storage-5',
    title: 'a version from before a delete is stale ever after',
    async verify(trial) {
      const storage: TokenStorage = trial.fixture.reopen ? await trial.reopen() : trial.storage;
      const before = await trial.storage.write('key', { token: canary }, undefined);
      await storage.delete('key');
      const version = await storage.write('key', { token: canary }, undefined);
      const write = () => trial.storage.write('key', { token: canary, late: true }, before);
      await mustConflict(write, 'write', 'A write with the version from before the delete');
      const erase = () => trial.storage.delete('key', before);
      await mustConflict(erase, 'delete', 'A delete with the version from before the delete');
      await trial.mustHold('key', { record: { token: canary }, version });
    },
  },
];

/** The laws of versions. */
export const lawsOfVersions: readonly Law<StorageUnderTest>[] = [...writes, ...deletes, ...versions];
