/** A session that is taken over, under every order of I/O and with tabs that die at any of it. */
import type { TokenStorage } from 'tokenkeep';
import { memoryStorage, TokenManager } from 'tokenkeep';
import { importSession } from 'tokenkeep/login';
import { authorizationServer } from 'tokenkeep/testing';
import { beforeEach, expect, test } from 'vitest';
import { fc } from '../support/properties.ts';
import { withoutChance } from '../support/without-chance.ts';
import { act, scheduledClock } from './support/scheduled.ts';

beforeEach(withoutChance);

interface Tab {
  /** At which of its operations it dies, while it takes over; a tab that has taken over lives on. */
  readonly diesAt: number | undefined;
  /** Its first `remove` fails: before anything is removed, or after it. */
  readonly fails: 'before' | 'after' | undefined;
  readonly signsOut: boolean;
}

/** Of the library that was left: what it kept, and how often who removed it. */
interface Place {
  kept: { accessToken: string; refreshToken: string; expiresAt: number } | undefined;
}

function openStory(s: fc.Scheduler) {
  const clock = scheduledClock();
  const server = authorizationServer({ clock });
  const shared = memoryStorage();
  const { access_token: accessToken, refresh_token: refreshToken = '' } = server.signIn();
  const place: Place = {
    kept: { accessToken, refreshToken: String(refreshToken), expiresAt: clock.now() - 1 },
  };
  const sentWhileKept: string[] = [];
  server.expire();

  function open({ diesAt, fails }: Tab) {
    let operations = 0;
    let isTaking = true;
    let failing = fails;
    const death = Promise.withResolvers<never>();
    const point = async (label: string): Promise<void> => {
      operations += 1;
      if (isTaking && operations === diesAt) death.reject(new Error('dead'));
      if (isTaking && diesAt !== undefined && operations >= diesAt) return await new Promise(() => undefined);
      await s.schedule(Promise.resolve(), label);
    };
    const at = async <T>(label: string, effect: () => T): Promise<Awaited<T>> => {
      await point(label);
      const value = await effect();
      await point(`${label} done`);
      return value;
    };
    const storage: TokenStorage = {
      reach: 'process',
      lock: {
        reach: 'process',
        // As Web Locks: it is free when its holder dies.
        request: (name, options, callback) =>
          shared.lock?.request(name, options, () => Promise.race([callback(), death.promise])) ??
          Promise.reject(new Error('memoryStorage() has a lock.')),
      },
      read: (key) => at('read', () => shared.read(key)),
      write: (key, record, version) => at('write', () => shared.write(key, record, version)),
      delete: (key, version) => at('delete', () => shared.delete(key, version)),
    };
    const manager = new TokenManager({
      clientId: 'test-client',
      authorizationServer: server.metadata,
      protectedResources: ['https://api.test/'],
      storage,
      clock,
      fetch: async (input, init) => {
        const sent = new URLSearchParams(String(init?.body ?? '')).get('refresh_token');
        if (sent !== null && sent === place.kept?.refreshToken) sentWhileKept.push(sent);
        return await at('request', () => server.fetch(input, init));
      },
    });
    const taking = importSession(manager, {
      read: () => at('theirs', () => place.kept),
      remove: () =>
        at('theirs removed', () => {
          const failure = failing;
          failing = undefined;
          if (failure === 'before') throw new Error('read-only');
          place.kept = undefined;
          if (failure === 'after') throw new Error('no answer');
        }),
    }).finally(() => {
      isTaking = false;
    });
    // A dead tab sends nothing.
    death.promise.catch(() => undefined);
    return { manager, taking: Promise.race([taking, death.promise]).then(({ outcome }) => outcome) };
  }

  return { clock, server, place, open, sentWhileKept, shared };
}

const call = async (manager: TokenManager) => (await manager.fetch('https://api.test/orders')).status;
const reliable: Tab = { diesAt: undefined, fails: undefined, signsOut: false };

async function live(s: fc.Scheduler, tabs: readonly Tab[]) {
  const story = openStory(s);
  let signedOut = false;
  const outcomes: string[] = [];
  const visit = async (tab: Tab): Promise<void> => {
    const { manager, taking } = story.open(tab);
    const outcome = await taking.catch((error: Error & { code?: string }) => error.code ?? error.message);
    outcomes.push(outcome);
    if (outcome === 'dead' || outcome === 'ERR_STORAGE') return;
    const status = await call(manager).catch((error: { code: string }) => error.code);
    if (status !== 200) expect([signedOut, status]).toEqual([true, 'ERR_LOGIN_REQUIRED']);
    if (!tab.signsOut) return;
    signedOut = true;
    await manager.signOut({ revoke: false });
  };
  await s.waitFor(Promise.all(tabs.map(visit)));
  const last = story.open(reliable);
  const outcome = await s.waitFor(last.taking);
  const status = await s.waitFor(call(last.manager).catch((error: { code: string }) => error.code));
  return { ...story, signedOut, outcomes, last: { outcome, status } };
}

const tabsOf = (more: Partial<Record<keyof Tab, fc.Arbitrary<unknown>>>) =>
  fc.array(
    fc.record({
      diesAt: fc.option(fc.integer({ min: 1, max: 16 }), { nil: undefined }),
      fails: fc.constant(undefined),
      signsOut: fc.constant(false),
      ...more,
    }) as fc.Arbitrary<Tab>,
    { minLength: 1, maxLength: 4 },
  );

const check = (
  tabs: fc.Arbitrary<Tab[]>,
  law: (story: Awaited<ReturnType<typeof live>>) => unknown,
): Promise<void> =>
  fc.assert(
    fc.asyncProperty(fc.scheduler({ act }), tabs, async (s, those) => {
      const story = await live(s, those);
      expect(story.server.counts.reuses).toBe(0);
      expect(story.sentWhileKept, 'refresh tokens spent while the former place had them').toEqual([]);
      expect(story.place.kept, 'what is left in the former place').toBeUndefined();
      law(story);
    }),
    { numRuns: Number(process.env['RACE_RUNS'] ?? 200) },
  );

const failing = { fails: fc.constantFrom(undefined, 'before', 'after') };

test('a session that was taken over has one owner, none is lost: tabs race, die anywhere, and cannot always remove', () =>
  check(tabsOf(failing), ({ last, server, outcomes }) => {
    expect(last.status).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 1, familiesRevoked: 0 });
    expect(
      [...outcomes, last.outcome].filter((outcome) => outcome === 'imported').length,
    ).toBeLessThanOrEqual(1);
  }));

test('a session that was signed out of is not imported once more', () =>
  check(tabsOf({ signsOut: fc.boolean() }), ({ last, signedOut }) => {
    expect(last.status).toBe(signedOut ? 'ERR_LOGIN_REQUIRED' : 200);
  }));
