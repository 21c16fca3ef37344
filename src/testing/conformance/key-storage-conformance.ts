/**
 * The conformance kit of `KeyStorage`.
 *
 * @module
 */
import { type ConformanceCase, conformanceCases } from './conformance-case.ts';
import { type KeyStorageConformanceOptions, type KeyStorageFixture, lawsOfKeys } from './key-storage-laws.ts';

/**
 * Returns the tests that every `KeyStorage` of `tokenkeep/dpop` must pass. Each one names its law: `key-1` to `key-3`.
 *
 * @param createKeys Creates a new storage for one test. It shares nothing with any other one.
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
