import { expect, test } from 'vitest';
import type { Scenarios } from '../support/describe.ts';
import type { KitName } from '../support/page/kits.ts';

const kits: KitName[] = [
  'indexedDbKeys()',
  'indexedDbStorage()',
  'indexedDbStorage({ encrypt: true })',
  'webStorage(localStorage)',
  'webStorage(sessionStorage)',
  'webLock()',
];

/** The laws of storages and locks, inside of a page. */
export const conformance: Scenarios = (_engine, world) => {
  test.each(kits)('%s keeps every law', { timeout: 60_000 }, async (kit) => {
    const tab = await world().openTab();
    const { cases, failures } = await tab.call('kit', kit);
    expect(failures).toEqual([]);
    expect(cases).toBeGreaterThan(kit === 'indexedDbKeys()' ? 4 : 15);
  });
};
