import { describe, expect, test } from 'vitest';
import type { StorageFixture } from '../../../../src/testing/index.ts';
import { register, storageConformance } from '../../../../src/testing/index.ts';
import { brokenStorages, fixtureOf } from './support/broken-storages.ts';
import { deafStorages } from './support/deaf-storages.ts';
import { ReferenceMedium, ReferenceStorage } from './support/reference-storage.ts';
import { lawsOf, show, turnsClock, verdict } from './support/verdict.ts';

const correct = (): StorageFixture => fixtureOf(ReferenceStorage);
const all = storageConformance(correct);

describe('a correct storage passes', () => register(test, all));

describe('a storage that breaks a law fails that law', () => {
  const failed = new Set<string>();

  for (const { does, laws, open } of [...brokenStorages, ...deafStorages]) {
    test(`law ${laws.join(' and law ')}: ${does}`, async () => {
      const failures = await verdict(storageConformance(open, { clock: turnsClock }));
      expect(lawsOf(failures), show(failures)).toEqual(laws);
      for (const name of failures.keys()) failed.add(name);
    });
  }

  test('every case has failed for one of them', () => {
    expect(all.map(({ name }) => name).filter((name) => !failed.has(name))).toEqual([]);
  });
});

describe('missing capabilities of a storage are declared', () => {
  const nothing = { reopen: false, watch: false, breakDown: false } as const;

  test('and then it passes without', async () => {
    class Small extends ReferenceStorage {
      override readonly reach = 'process';
      override readonly watch: never = undefined as never;
      constructor(medium: ReferenceMedium) {
        super(medium);
        Object.assign(this.lock, { reach: 'process' });
      }
    }
    const cases = storageConformance(() => ({ storage: new Small(new ReferenceMedium()) }), nothing);
    expect(await verdict(cases)).toEqual(new Map());
  });

  test('and if it can do it after all, it has to prove it', async () => {
    const failures = await verdict(storageConformance(correct, nothing));
    expect(lawsOf(failures)).toEqual(['storage-2', 'storage-7', 'storage-9']);
    expect(show(failures)).toContain('Declared { reopen: false }, but there is a reopen()');
    expect(show(failures)).toContain('Declared { breakDown: false }, but there is a breakDown()');
    expect(show(failures)).toContain('Declared { watch: false }, but there is a watch()');
  });

  test('and if it is not, the cases fail and say what to declare', async () => {
    const bare = (): StorageFixture => ({ storage: correct().storage });
    const failures = await verdict(storageConformance(bare, { clock: turnsClock }));
    expect(lawsOf(failures)).toEqual(['storage-2', 'storage-7', 'storage-9']);
    expect(show(failures)).toContain('or declare { reopen: false }');
    expect(show(failures)).toContain('or declare { breakDown: false }');
  });

  test('one handle reaches one process', async () => {
    const failures = await verdict(
      storageConformance(() => ({ storage: correct().storage }), { reopen: false }),
    );
    expect(show(failures)).toContain(`Expected reach 'process', saw "machine"`);
  });
});

test('every case opens a fresh storage, and closes it, also when it fails', async () => {
  let opened = 0;
  let closed = 0;
  const failing = class extends ReferenceStorage {
    override read(): Promise<never> {
      return Promise.reject(new Error('on purpose'));
    }
  };
  const cases = storageConformance(
    async () => {
      opened++;
      return { ...fixtureOf(failing), close: () => Promise.resolve(closed++) };
    },
    { clock: turnsClock },
  );
  const failures = await verdict(cases);
  expect(failures.size).toBeGreaterThan(10);
  expect({ opened, closed }).toEqual({ opened: cases.length, closed: cases.length });
});

test('cases are sorted by law and begin with its id', () => {
  const laws = all.map(({ law }) => law);
  expect(laws).toEqual([...laws].sort());
  expect(new Set(laws)).toEqual(
    new Set([
      'storage-1',
      'storage-2',
      'storage-3',
      'storage-4',
      'storage-5',
      'storage-6',
      'storage-7',
      'storage-8',
      'storage-9',
    ]),
  );
  for (const { law, name } of all) expect(name).toMatch(new RegExp(`^law ${law}: `));
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
});
