import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import { openSite, type Site } from '../../../../examples/playground/site.ts';
import { requireBuild } from '../../../support/package/built.ts';
import { type DrivenBrowser, type Engine, openBrowser } from '../../support/browsers.ts';
import { Visit } from './visit.ts';

/** Tests of the page: the same for every engine. */
export type Scenarios = (visit: () => Promise<Visit>, engine: Engine) => void;

/** Starts a browser and the playground once. Each test looks at a page of its own, of which nothing complains. */
export function describePlayground(engine: Engine, scenarios: readonly Scenarios[]): void {
  describe(engine, () => {
    let browser: DrivenBrowser;
    let site: Site;
    const visits: Visit[] = [];
    beforeAll(async () => {
      requireBuild();
      [browser, site] = await Promise.all([openBrowser(engine), openSite()]);
    }, 60_000);
    afterEach(async () => {
      for (const visit of visits.splice(0)) {
        const complaints = await visit.complaints();
        await visit.tab.close();
        expect(complaints).toEqual([]);
      }
    });
    afterAll(async () => {
      await browser?.close();
      await site?.close();
    });
    const open = async (): Promise<Visit> => {
      const visit = await Visit.open(browser, site);
      visits.push(visit);
      return visit;
    };
    for (const define of scenarios) define(open, engine);
  });
}
