/**
 * The laws of `KeyStorage`, for every storage of keys that there will ever be.
 *
 * @module
 */
import { type ConformanceCase, conformanceCases } from './conformance-case.ts';
import { type KeyStorageConformanceOptions, type KeyStorageFixture, lawsOfKeys } from './key-storage-laws.ts';

/**
 * The tests that every `KeyStorage` of `tokenkeep/dpop` has to pass. Each one names its law: `key-1` to `key-3`.
 *
 * @param createKeys Makes a fresh storage for one test. It shares nothing with any other one.
 * @example
 * ```ts
 * import { test } from 'node:test'; // or of any other runner
 * import { memoryKeys } from 'tokenkeep/dpop';
 * import { keyStorageConformance, register } from 'tokenkeep/testing';
 *
 * register(test, keyStorageConformance(() => ({ keys: memoryKeys() }), { reopen: false }));
 * ```
 */
export function keyStorageConformance(
  createKeys: () => KeyStorageFixture | Promise<KeyStorageFixture>,
  options: KeyStorageConformanceOptions = {},
): readonly ConformanceCase[] {
  return conformanceCases(lawsOfKeys(options), createKeys, (fixture) => fixture);
}
