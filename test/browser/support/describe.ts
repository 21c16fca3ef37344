import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import type { Engine } from './browsers.ts';
import { openWorld, type World } from './world.ts';

/** Tests for a browser: the same for every engine, but for how often and how. */
export type Scenarios = (engine: Engine, world: () => World) => void;

/** Starts a browser once for all of these scenarios. */
export function describeBrowser(engine: Engine, scenarios: readonly Scenarios[]): void {
  describe(engine, () => {
    let world: World;
    beforeAll(async () => {
      world = await openWorld(engine);
    }, 60_000);
    afterEach(() => world.closeTabs());
    afterAll(() => world?.close());
    for (const define of scenarios) define(engine, () => world);
  });
}
