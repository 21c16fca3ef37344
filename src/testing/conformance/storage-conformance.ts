/**
 * The conformance kit of `TokenStorage`: one test for each law.
 *
 * @module
 */
import type { ConformanceCase } from './conformance-case.ts';
import { conformanceCases } from './conformance-case.ts';
import { lawsOfFailures } from './storage-failures.ts';
import type { StorageConformanceOptions, StorageFixture } from './storage-under-test.ts';
import { StorageUnderTest } from './storage-under-test.ts';
import { lawsOfWatching } from './storage-watching.ts';
import { lawsOfValues } from './stored-values.ts';
import { lawsOfVersions } from './stored-versions.ts';

/**
 * Returns the tests that every `TokenStorage` must pass. Each one names its law: `storage-1` to `storage-9`.
 *
 * Declare capabilities that a storage does not have in `options`; the tests then check that it really lacks them.
 *
 * @param createStorage Creates a new storage for one test. It shares nothing with any other one.
 * @example
 * ```ts
 * import { test } from 'node:test'; // or of any other runner
 * import { memoryStorage } from 'tokenkeep';
 * import { register, storageConformance } from 'tokenkeep/testing';
 *
 * const cases = storageConformance(() => ({ storage: memoryStorage() }), { reopen: false, breakDown: false });
 * register(test, cases);
 * ```
 */
export function storageConformance(
  createStorage: () => StorageFixture | Promise<StorageFixture>,
  options: StorageConformanceOptions = {},
): readonly ConformanceCase[] {
  const laws = [
    ...lawsOfValues(options),
    ...lawsOfVersions,
    ...lawsOfFailures(options),
    ...lawsOfWatching(options),
  ].sort((one, other) => one.law.localeCompare(other.law));
  return conformanceCases(laws, createStorage, (fixture) => new StorageUnderTest(fixture, options));
}
