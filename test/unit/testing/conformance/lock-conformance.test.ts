import { describe, expect, test } from 'vitest';
import type { LockFixture } from '../../../../src/testing/index.ts';
import { lockConformance, register } from '../../../../src/testing/index.ts';
import { brokenLocks, fixtureOf } from './support/broken-locks.ts';
import { ReferenceLock, ReferenceQueues } from './support/reference-lock.ts';
import { lawsOf, show, turnsClock, verdict } from './support/verdict.ts';

const correct = (): LockFixture => fixtureOf(ReferenceLock);
const all = lockConformance(correct);

describe('a correct lock passes', () => register(test, all));

describe('a lock that breaks a law fails that law', () => {
  const failed = new Set<string>();

  for (const { does, laws, open } of brokenLocks) {
    test(`law ${laws.join(' and law ')}: ${does}`, async () => {
      const failures = await verdict(lockConformance(open, { clock: turnsClock }));
      expect(lawsOf(failures), show(failures)).toEqual(laws);
      for (const name of failures.keys()) failed.add(name);
    });
  }

  test('every case has failed for one of them', () => {
    expect(all.map(({ name }) => name).filter((name) => !failed.has(name))).toEqual([]);
  });
});

describe('missing capabilities of a lock are declared', () => {
  const nothing = { reopen: false, holderDeath: false } as const;

  test('and then it passes without', async () => {
    class Small extends ReferenceLock {
      override readonly reach = 'process';
    }
    const cases = lockConformance(() => ({ lock: new Small(new ReferenceQueues()) }), nothing);
    expect(await verdict(cases)).toEqual(new Map());
  });

  test('and if it can do it after all, it has to prove it', async () => {
    const failures = await verdict(lockConformance(correct, nothing));
    expect(lawsOf(failures)).toEqual(['lock-1', 'lock-2']);
    expect(show(failures)).toContain('Declared { reopen: false }, but there is a reopen()');
    expect(show(failures)).toContain('Declared { holderDeath: false }, but there is an abandon()');
  });

  test('and if it is not, the cases fail and say what to declare', async () => {
    const failures = await verdict(lockConformance(() => ({ lock: correct().lock })));
    expect(lawsOf(failures)).toEqual(['lock-1', 'lock-2']);
    expect(show(failures)).toContain('or declare { reopen: false }');
    expect(show(failures)).toContain('or declare { holderDeath: false }');
  });

  test('one handle reaches one process', async () => {
    const failures = await verdict(lockConformance(() => ({ lock: correct().lock }), nothing));
    expect(show(failures)).toContain(`Expected reach 'process', saw machine`);
  });
});

test('cases are sorted by law and begin with its id', () => {
  const laws = all.map(({ law }) => law);
  expect(laws).toEqual([...laws].sort());
  expect(new Set(laws)).toEqual(new Set(['lock-1', 'lock-2', 'lock-3', 'lock-4', 'lock-5', 'lock-6']));
  for (const { law, name } of all) expect(name).toMatch(new RegExp(`^law ${law}: `));
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
});
