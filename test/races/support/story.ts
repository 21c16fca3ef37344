/** A story of a world: actions under a schedule, and the laws that hold in every story. */
import { fc } from '../../support/properties.ts';
import { type Action, perform, type Story } from './actors.ts';
import {
  abortsHarmNobody,
  endsOnce,
  noTokenInWords,
  nothingShared,
  onlyTheServersTokens,
  replayedOnce,
  revokedWhereSaid,
  spentOnce,
  toldOutsideTheLock,
} from './laws.ts';
import { act } from './scheduled.ts';
import { openWorld, type World, type WorldOptions } from './world.ts';

export async function live(
  s: fc.Scheduler,
  options: WorldOptions,
  actions: readonly Action[],
): Promise<{ world: World; story: Story }> {
  const world = openWorld(s, options);
  for (const index of world.sessionIds.keys()) await world.login(0, index).done;
  if (options.start === 'rejected') world.server.expire();
  if (options.start === 'expired') world.clock.step(301_000, 'asleep');
  const { actors, story } = perform(world, actions);
  await world.run(actors);
  await world.drain();
  await onlyTheServersTokens(world);
  spentOnce(world);
  replayedOnce(world);
  toldOutsideTheLock(world);
  abortsHarmNobody(story);
  nothingShared(world, story);
  endsOnce(world, story);
  noTokenInWords(world, story);
  revokedWhereSaid(world, story);
  return { world, story };
}

const start: fc.Arbitrary<NonNullable<WorldOptions['start']>> = fc.constantFrom(
  'fresh' as const,
  'rejected' as const,
  'expired' as const,
);
export const worlds: fc.Arbitrary<WorldOptions> = fc.record({
  managers: fc.integer({ min: 1, max: 3 }),
  sessions: fc.integer({ min: 1, max: 3 }),
  busyListeners: fc.boolean(),
  start,
});
export const alone: fc.Arbitrary<WorldOptions> = fc.record({
  managers: fc.constant(1),
  sessions: fc.integer({ min: 1, max: 2 }),
  busyListeners: fc.boolean(),
  start,
});
export const some = (...actions: fc.Arbitrary<Action>[]): fc.Arbitrary<Action[]> =>
  fc.array(fc.oneof(...actions), { minLength: 1, maxLength: 12 });

export const check = <T>(
  options: fc.Arbitrary<WorldOptions>,
  actions: fc.Arbitrary<Action[]>,
  law: (world: World, story: Story) => T,
): Promise<void> =>
  fc.assert(
    fc.asyncProperty(fc.scheduler({ act }), options, actions, async (s, how, what) => {
      const { world, story } = await live(s, how, what);
      await law(world, story);
    }),
    { numRuns: Number(process.env['RACE_RUNS'] ?? 200) },
  );
