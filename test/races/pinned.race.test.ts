/** Schedules that once broke a law. The numbers are those of the tasks in the order in which they ran. */

import { beforeEach, expect, test } from 'vitest';
import { fc } from '../support/properties.ts';
import { withoutChance } from '../support/without-chance.ts';
import { type Action, perform } from './support/actors.ts';
import { latestLoginWins, noReuse, signOutWins, spentOnce } from './support/laws.ts';
import { act } from './support/scheduled.ts';
import { openWorld } from './support/world.ts';

beforeEach(withoutChance);

const here = { manager: 0, session: 0 };

async function pinned(order: readonly number[], actions: readonly Action[]) {
  const s = fc.schedulerFor([...order], { act });
  const world = openWorld(s, { managers: 1, sessions: 1 });
  await world.login(0, 0).done;
  const { actors, story } = perform(world, actions);
  await world.run(actors);
  await world.drain();
  spentOnce(world);
  noReuse(world);
  return { world, story };
}

test('law sign-out-wins: a login that is about to be written when someone signs out does not come back', async () => {
  const { world, story } = await pinned(
    [2, 3, 4, 1, 6, 7, 8, 5, 9, 10, 11, 12, 13, 14, 15, 16],
    [
      { kind: 'signOut', ...here },
      { kind: 'login', ...here },
    ],
  );
  expect(story.deeds.map(({ kind }) => kind)).toEqual(['login', 'signOut']);
  await signOutWins(world, story);
});

test('law sign-out-wins: a sign-out that is about to delete when someone signs in does not end the new session', async () => {
  const { world, story } = await pinned(
    [1, 3, 4, 2, 6, 7, 8, 9, 10, 11, 5, 12, 13, 14, 15, 16],
    [
      { kind: 'signOut', ...here },
      { kind: 'login', ...here },
    ],
  );
  expect(story.deeds.map(({ kind }) => kind)).toEqual(['signOut', 'login']);
  await latestLoginWins(world, story);
});
