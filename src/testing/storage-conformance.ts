/**
 * The laws of `TokenStorage`, one test each, for every storage that there will ever be.
 *
 * @module
 */
import type { ConformanceCase } from './conformance.ts';
import { casesOf } from './conformance.ts';
import { lawsOfFailures } from './laws/storage-failures.ts';
import type { StorageConformanceOptions, StorageFixture } from './laws/storage-trial.ts';
import { StorageTrial } from './laws/storage-trial.ts';
import { lawsOfValues } from './laws/stored-values.ts';
import { lawsOfVersions } from './laws/stored-versions.ts';
import { lawsOfWatching } from './laws/watching.ts';

/**
 * The tests that every `TokenStorage` has to pass, numbered like its laws.
 *
 * What a storage cannot do is declared in `options`; the tests then make sure that it really cannot.
 *
 * @param createStorage Makes a fresh storage for one test. It shares nothing with any other one.
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
  ].sort((one, other) => one.law - other.law);
  return casesOf(laws, createStorage, (fixture) => new StorageTrial(fixture, options));
}
