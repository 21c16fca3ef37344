/** The refresh core under every order of its I/O: the laws of CONTRIBUTING.md as invariants. */

import { beforeEach, expect, test } from 'vitest';
import { withoutChance } from '../support/without-chance.ts';
import {
  backwards,
  calls,
  comings,
  deadlines,
  evidence,
  foreignAnswers,
  harmlessTroubles,
  refreshTroubles,
  storageTroubles,
} from './support/actors.ts';
import {
  endsOnTheNewest,
  latestLoginWins,
  noReuse,
  onlyOnEvidence,
  signOutWins,
  storedBeforeUsed,
} from './support/laws.ts';
import { alone, check, some, worlds } from './support/story.ts';

beforeEach(withoutChance);

test('laws single-use, commit-before-use and replay-once: callers, 401s, aborts and time: every call is answered, on evidence only, and the newest is stored', () =>
  check(worlds, some(calls, calls, evidence), async (world, { calls: made }) => {
    onlyOnEvidence(world);
    storedBeforeUsed(world);
    await endsOnTheNewest(world);
    expect(world.server.counts).toMatchObject({ reuses: 0, familiesRevoked: 0, refreshTokensResent: 0 });
    for (const { kind, outcome } of made) {
      if (kind === 'abortedCall') continue;
      if (kind === 'call') expect(outcome).toEqual({ status: expect.any(Number) });
      else expect(outcome).toEqual({ token: expect.any(String) });
    }
  }));

test('laws compare-and-clear and only-the-server-ends-it: refusals and networks that fail end no session and spend nothing twice', () =>
  check(worlds, some(calls, evidence, backwards, harmlessTroubles), async (world) => {
    onlyOnEvidence(world);
    noReuse(world);
    await endsOnTheNewest(world);
    expect(world.endings).toEqual([]);
    expect(world.server.counts.familiesRevoked).toBe(0);
  }));

test('law response-lost: lost responses cost a session at most where the server had committed', () =>
  check(worlds, some(calls, evidence, deadlines, refreshTroubles), async (world) => {
    noReuse(world);
    await endsOnTheNewest(world);
    for (const { error } of world.endings) expect(error.reason).toBe('response_lost');
  }));

test('law sign-out-wins: sign-outs win over refreshes and logins, and logins over refreshes', () =>
  check(worlds, some(calls, evidence, comings), async (world, story) => {
    noReuse(world);
    storedBeforeUsed(world);
    await endsOnTheNewest(world);
    await signOutWins(world, story);
    await latestLoginWins(world, story);
    // Elsewhere a response of the server may report the end of a grant before the storage has it.
    if (world.managers.length === 1) expect(world.endings).toEqual([]);
  }));

test('law commit-before-use: a storage that fails now and then loses no successor', () =>
  check(alone, some(calls, evidence, deadlines, storageTroubles), async (world) => {
    noReuse(world);
    await endsOnTheNewest(world);
    // A deadline may pass while the answer is on its way. That is law response-lost, and none of the storage's doing.
    const isLost = world.sends.some(({ seen }) => seen === 'lost');
    const { endings, server } = world;
    expect(endings.filter(({ error }) => !isLost || error.reason !== 'response_lost')).toEqual([]);
    expect(server.counts.familiesRevoked).toBeLessThanOrEqual(endings.length);
  }));

test('law tokens-stay-home: never stores or uses a refresh response of another server', () =>
  check(worlds, some(calls, evidence, deadlines, foreignAnswers), async (world) => {
    noReuse(world);
    await endsOnTheNewest(world);
    expect(world.server.counts.familiesRevoked).toBe(0);
  }));

test('all of it at once', () =>
  check(
    alone,
    some(calls, evidence, deadlines, backwards, comings, refreshTroubles, foreignAnswers, storageTroubles),
    async (world) => {
      noReuse(world);
    },
  ));
