/**
 * Law storage-7: a failed write rejects with a `StorageError`.
 *
 * @module
 */
import type { Law } from './conformance-case.ts';
import { formatValue, must, mustEqual } from './conformance-case.ts';
import type { StorageConformanceOptions, StorageUnderTest } from './storage-under-test.ts';
import { canary, mustBeStorageError } from './storage-under-test.ts';

const notJson: Law<StorageUnderTest> = {
  law: 'storage-7',
  title: 'a record that cannot be stored rejects, and nothing has changed',
  async verify(trial) {
    const version = await trial.storage.write('key', { token: canary }, undefined);
    const record = { token: canary, amount: 10n };
    const write = await failureOf(() => trial.storage.write('key', record, version), 'write');
    const stored = await trial.stored('key');
    if (write.failed) mustEqual(stored, { record: { token: canary }, version }, 'A read after the rejection');
    else mustEqual(stored.record, record, 'A read of a record that is not JSON');
  },
};

const broken: Law<StorageUnderTest> = {
  law: 'storage-7',
  title: 'on what is broken everything rejects that was not done',
  async verify(trial) {
    const { fixture, storage } = trial;
    must(
      fixture.breakDown !== undefined,
      'createStorage() gives no breakDown(). Give one, or declare { breakDown: false }.',
    );
    const old = { token: canary, step: 1 };
    const version = await storage.write('key', old, undefined);
    const gone = await storage.write('gone', old, undefined);
    const mend = await fixture.breakDown();
    const read = await failureOf(() => storage.read('key'), 'read');
    const write = await failureOf(() => storage.write('key', { ...old, step: 2 }, version), 'write');
    const first = await failureOf(() => storage.write('new', old, undefined), 'write');
    const erase = await failureOf(() => storage.delete('gone', gone), 'delete');
    await mend();
    must(write.failed || first.failed, 'breakDown() broke nothing: a write succeeded.');
    if (!read.failed)
      mustEqual(read.value, { record: old, version }, 'A read of what is broken resolved, so it');
    mustEqual(
      (await trial.stored('key')).record,
      { ...old, step: write.failed ? 1 : 2 },
      'After mending, a read',
    );
    mustEqual((await storage.read('new'))?.record, first.failed ? undefined : old, 'After mending, a read');
    mustEqual((await storage.read('gone'))?.record, erase.failed ? old : undefined, 'After mending, a read');
  },
};

async function failureOf(
  call: () => Promise<unknown>,
  operation: string,
): Promise<{ failed: boolean; value?: unknown }> {
  const what = `A ${operation} that cannot succeed`;
  let promise: Promise<unknown>;
  try {
    promise = call();
  } catch (error) {
    throw new Error(`${what}: expected a rejection, but the call itself threw ${formatValue(error)}.`, {
      cause: error,
    });
  }
  return promise.then(
    (value) => ({ failed: false, value }),
    (error: unknown) => {
      mustBeStorageError(error, what);
      must(
        error.operation === operation,
        `${what}: expected operation ${operation}, saw ${error.operation}.`,
      );
      must(!error.conflict, `${what}: expected conflict false, saw a conflict where there is none.`);
      return { failed: true };
    },
  );
}

const unbreakable: Law<StorageUnderTest> = {
  law: 'storage-7',
  title: 'the test cannot break the storage, as declared',
  verify({ fixture }) {
    must(
      fixture.breakDown === undefined,
      'Declared { breakDown: false }, but there is a breakDown(): prove it.',
    );
    return Promise.resolve();
  },
};

/** Returns the laws of failures, for a storage with these capabilities. */
export function lawsOfFailures(options: StorageConformanceOptions): readonly Law<StorageUnderTest>[] {
  return [notJson, options.breakDown === false ? unbreakable : broken];
}
