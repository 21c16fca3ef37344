/** From a seed to a verdict. */
import { Chance } from './chance.ts';
import { judgePatience } from './deeds.ts';
import { classify, judgeEnded, judgeLastWords, type LastWord } from './endings.ts';
import type { Doubles } from './fleet.ts';
import { simulatedPlatform } from './platform.ts';
import { Scheduler } from './scheduler.ts';
import { type Profile, type Weather, weatherOf } from './weather.ts';
import { World } from './world.ts';

export interface Verdict {
  readonly seed: number;
  /** The broken law, with an explanation. */
  readonly broken: string | undefined;
  /** Result of each login. */
  readonly endings: readonly string[];
  readonly steps: number;
  /** Two runs with the same one did the same. */
  readonly digest: number;
  readonly refreshes: number;
  readonly weather: Weather;
}

export interface SimulateOptions {
  readonly profile?: Profile;
  readonly doubles?: Doubles;
  /** Gets the schedule. */
  readonly lines?: string[];
  readonly weather?: Partial<Weather>;
}

const mostSteps = 100_000;

/** Runs the schedule of a seed to its end, or until a law is broken. */
export async function simulate(seed: number, options: SimulateOptions = {}): Promise<Verdict> {
  const chance = new Chance(seed);
  const scheduler = new Scheduler(chance, options.lines);
  const weather = { ...weatherOf(chance, options.profile ?? 'strict'), ...options.weather };
  const restore = simulatedPlatform(new Chance(seed + 0.5));
  try {
    scheduler.note(JSON.stringify(weather));
    const world = new World(scheduler, weather, options.doubles ?? {});
    const endings = await live(world, scheduler, weather);
    return {
      ...{ seed, broken: world.facts.broken, endings, weather },
      ...{ steps: scheduler.steps, digest: scheduler.digest >>> 0, refreshes: world.server.counts.refreshes },
    };
  } finally {
    restore();
  }
}

async function live(world: World, scheduler: Scheduler, weather: Weather): Promise<string[]> {
  world.begin();
  act(world, scheduler, { ...weather, left: weather.deedCount });
  await settle(world, scheduler);
  let words: LastWord[] = [];
  // A loss comes to light when a token is needed; findings are true from then on. In the last round the API
  // rejects no new token, so everything remembered about it must have expired.
  for (let round = 1; round <= 4 && world.facts.broken === undefined; round++) {
    words = [];
    if (round < 4) world.server.expire();
    scheduler.after(600_000, '  everyone asks once more', () => world.ask(words));
    await settle(world, scheduler);
  }
  if (world.facts.broken !== undefined) return [];
  judgeLastWords(world.facts, world.server, { words, stored: world.stored });
  judgeEnded(world.facts, Object.keys(weather.storage).length === 0);
  return classify(world.facts, world.stored);
}

/** One deed after the other: some at once, some after a while. */
function act(world: World, scheduler: Scheduler, plan: Weather & { left: number }): void {
  const { chance } = scheduler;
  const pause = chance.between(0, chance.pick([0, 20, 1_000, 40_000]));
  scheduler.after(pause, '', () => {
    if (plan.left === 0) {
      scheduler.note('  all is calm');
      return world.clear();
    }
    const kind = chance.weighted(plan.deeds);
    if (kind !== undefined) world.perform(kind);
    act(world, scheduler, { ...plan, left: plan.left - 1 });
  });
}

async function settle(world: World, scheduler: Scheduler): Promise<void> {
  const { facts } = world;
  while (!scheduler.idle && facts.broken === undefined) {
    await scheduler.step();
    world.look();
    judgePatience(facts, scheduler);
    if (scheduler.steps > mostSteps) facts.break('liveness', 'it continues for ever');
  }
  for (const { outcome, process, path } of facts.calls.values()) {
    if (facts.broken === undefined && outcome === undefined && process.alive)
      facts.break('liveness', `${path} of ${process.name} is never answered`);
  }
}
