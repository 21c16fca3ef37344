/** Idle sign-out, in tabs without a browser. Time stands still until a test moves it. */
import { memoryStorage, type TokenManager } from 'tokenkeep';
import { type IdleManager, type IdleSignOutOptions, idleSignOut } from 'tokenkeep/browser';
import { type TestClock, testClock } from 'tokenkeep/testing';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { explained } from '../../support/explained.ts';
import { api, openManager } from '../../support/open-manager.ts';
import { fc } from '../../support/properties.ts';
import { diskFull, watchedStorage } from '../../support/watched-storage.ts';
import { Origin, Tab } from './support/tabs.ts';

const after = 600_000;
const warn = 60_000;
const item = 'tokenkeep.idle:default';

let origin: Origin;
beforeEach(() => {
  origin = new Origin();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Shows a page that was hidden: a page that leaves would hold up the refreshes of the next file in this process. */
const stays = (tab: Tab): void => tab.window.emit('pageshow', { persisted: true });

/** A session that is open in tabs. All of them notice what another one stores. */
async function openSession(manager: Parameters<typeof openManager>[0] = {}) {
  const scene = await openManager({ ...manager, manager: { storage: memoryStorage(), ...manager.manager } });
  const { clock } = scene;
  async function openTab(options: Partial<IdleSignOutOptions> = {}, of: TokenManager = scene.open()) {
    const tab = new Tab();
    const errors: unknown[] = [];
    const results: unknown[] = [];
    const idle = origin.open(
      () =>
        idleSignOut(of, {
          after,
          warn,
          clock,
          onError: (error) => errors.push(error),
          onSignOut: (result) => results.push(result),
          ...options,
        }),
      tab,
    );
    onTestFinished(() => {
      idle.stop();
      stays(tab);
    });
    await idle.ready;
    return { tab, idle, manager: of, errors, results };
  }
  return { ...scene, openTab };
}

/** A session without a network: the login and the end of its refresh token, as a test sets them. */
function bareSession(refreshTokenExpiresAt?: number) {
  const listeners = new Set<(event: never) => unknown>();
  const session = {
    tokens: { login: 'a login', refreshTokenExpiresAt } as
      | { login: string; refreshTokenExpiresAt: number | undefined }
      | undefined,
    signOuts: 0,
    emit: (type: string) => [...listeners].map((listener) => listener({ type } as never)),
    get listeners() {
      return listeners.size;
    },
  };
  const manager: IdleManager = {
    on(_type, listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    getTokens: async () => session.tokens,
    async signOut() {
      session.signOuts++;
      session.tokens = undefined;
      return { revoked: true };
    },
  };
  return { session, manager };
}

describe('the countdown', () => {
  test('goes from active by a warning to signed-out, and revokes the tokens', async () => {
    const { clock, server, openTab } = await openSession();
    const { idle, manager, results } = await openTab();
    const start = clock.now();
    expect(idle.getSnapshot()).toEqual({ kind: 'active' });
    await clock.advance(after - warn - 1);
    expect(idle.getSnapshot()).toEqual({ kind: 'active' });
    await clock.advance(1);
    expect(idle.getSnapshot()).toEqual({ kind: 'warning', endsAt: start + after });
    await clock.advance(warn - 1);
    expect(idle.getSnapshot()).toEqual({ kind: 'warning', endsAt: start + after });
    await clock.advance(1);
    expect(idle.getSnapshot()).toEqual({ kind: 'signed-out' });
    await expect(manager.getAccessToken()).rejects.toMatchObject({ reason: 'signed_out' });
    expect(server.counts.revocations).toBe(1);
    expect(results).toEqual([{ revoked: true }]);
    expect(clock.timers).toBe(0);
    expect(origin.items.size).toBe(0);
  });

  test('is the same object until it changes, and notifies its subscribers once for each change', async () => {
    const { clock, openTab } = await openSession();
    const { idle, errors } = await openTab();
    const { getSnapshot, subscribe } = idle;
    const seen: string[] = [];
    subscribe(() => {
      throw new Error('on purpose');
    });
    const leave = subscribe(() => seen.push(getSnapshot().kind));
    const before = getSnapshot();
    await clock.advance(after - warn - 1);
    expect(getSnapshot()).toBe(before);
    await clock.advance(1);
    const warning = getSnapshot();
    await clock.advance(warn - 1);
    expect(getSnapshot()).toBe(warning);
    idle.stayActive();
    expect(getSnapshot()).toBe(before);
    expect(seen).toEqual(['warning', 'active']);
    expect(errors).toHaveLength(2);
    leave();
    await clock.advance(after);
    expect(seen).toHaveLength(2);
  });

  test.each(['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart', 'touchmove'])(
    'begins again at a trusted %s only',
    async (type) => {
      const { clock, openTab } = await openSession();
      const { tab, idle } = await openTab();
      await clock.advance(after - 1);
      tab.pretend(type);
      expect(idle.getSnapshot().kind).toBe('warning');
      tab.act(type);
      expect(idle.getSnapshot().kind).toBe('active');
      await clock.advance(after - 1);
      expect(idle.getSnapshot().kind).toBe('warning');
    },
  );

  test('begins again when the user returns to the tab', async () => {
    const { clock, openTab } = await openSession();
    const { tab, idle } = await openTab();
    await clock.advance(after - 1);
    tab.hide();
    expect(idle.getSnapshot().kind).toBe('warning');
    tab.show();
    expect(idle.getSnapshot().kind).toBe('active');
  });

  test('writes at most once a second', async () => {
    const { clock, openTab } = await openSession();
    const { tab } = await openTab();
    origin.messages.length = 0;
    for (let count = 0; count < 100; count++) {
      await clock.advance(100);
      tab.act();
    }
    expect(origin.messages).toHaveLength(10);
  });

  test('begins again at the next sign-in, here and in another tab', async () => {
    const { clock, server, openTab } = await openSession();
    const one = await openTab();
    const other = await openTab();
    await clock.advance(after);
    await clock.advance(after);
    expect([one, other].map(({ idle }) => idle.getSnapshot().kind)).toEqual(['signed-out', 'signed-out']);
    await one.manager.setTokens(server.signIn());
    await clock.advance(1);
    expect([one, other].map(({ idle }) => idle.getSnapshot().kind)).toEqual(['active', 'active']);
    await clock.advance(after);
    expect([one, other].map(({ idle }) => idle.getSnapshot().kind)).toEqual(['signed-out', 'signed-out']);
    expect(server.counts.revocations).toBe(2);
  });

  test('does not run for a user who has not signed in', async () => {
    const { clock, openTab } = await openSession({ signedIn: false });
    const { idle } = await openTab();
    expect(idle.getSnapshot()).toEqual({ kind: 'signed-out' });
    expect(clock.timers).toBe(0);
    idle.stayActive();
    expect(idle.getSnapshot()).toEqual({ kind: 'signed-out' });
  });

  test('ignores the sign-ins and sign-outs of other sessions of the manager', async () => {
    const { clock, server, manager, openTab } = await openSession();
    const { idle } = await openTab({}, manager);
    await clock.advance(after - warn);
    const other = manager.forSession('other');
    await other.setTokens(server.signIn());
    await other.signOut();
    await clock.advance(0);
    expect(idle.getSnapshot().kind).toBe('warning');
  });
});

describe('several tabs', () => {
  test('activity in one keeps the others, without a token in words', async () => {
    const { clock, tokens, openTab } = await openSession();
    const [one, other] = [await openTab(), await openTab()];
    await clock.advance(after - 1);
    one.tab.act();
    await clock.advance(0);
    expect(other.idle.getSnapshot().kind).toBe('active');
    await clock.advance(after - 1);
    expect(one.idle.getSnapshot().kind).toBe('warning');
    const words = JSON.stringify([[...origin.items], origin.messages]);
    expect([...origin.items.keys()]).toEqual([item]);
    for (const token of [tokens.access_token, tokens.refresh_token]) expect(words).not.toContain(token);
  });

  test('a tab that is opened later continues the countdown', async () => {
    const { clock, openTab } = await openSession();
    await openTab();
    await clock.advance(after - warn);
    expect((await openTab()).idle.getSnapshot().kind).toBe('warning');
  });

  test('sign out once when their time comes together', async () => {
    const { clock, server, openTab } = await openSession();
    const tabs = await Promise.all(Array.from({ length: 8 }, () => openTab()));
    await clock.advance(after);
    expect(new Set(tabs.map(({ idle }) => idle.getSnapshot().kind))).toEqual(new Set(['signed-out']));
    expect(tabs.flatMap(({ results }) => results)).toEqual([{ revoked: true }]);
    expect(tabs.flatMap(({ errors }) => errors)).toEqual([]);
    expect(server.counts.revocations).toBe(1);
    expect(clock.timers).toBe(0);
  });

  test('with different options: the shortest time wins', async () => {
    const { clock, openTab } = await openSession();
    const long = await openTab();
    await openTab({ after: 300_000 });
    await clock.advance(300_000);
    expect(long.idle.getSnapshot().kind).toBe('signed-out');
  });

  test('activity in another tab while the tabs choose one prevents the sign-out', async () => {
    const { clock, server, openTab } = await openSession();
    const [one, other] = [await openTab({ after: after - 1_000 }), await openTab()];
    let grant = async (): Promise<void> => undefined;
    origin.lock = (run) => {
      grant = run;
      return new Promise(() => {});
    };
    await clock.advance(after - 1_000);
    expect(one.idle.getSnapshot().kind).toBe('warning');
    other.tab.act();
    await grant();
    await clock.advance(5_000);
    expect([one, other].map(({ idle }) => idle.getSnapshot().kind)).toEqual(['active', 'active']);
    expect(server.counts.revocations).toBe(0);
  });

  test('activity after the sign-out has begun does not bring the session back', async () => {
    const { clock, server, openTab } = await openSession();
    const [one, other] = [await openTab({ after: after - 1_000 }), await openTab()];
    clock.set(clock.now() + after - 1_000);
    one.tab.window.emit('focus');
    other.tab.act();
    await clock.advance(0);
    expect([one, other].map(({ idle }) => idle.getSnapshot().kind)).toEqual(['signed-out', 'signed-out']);
    expect(server.counts.revocations).toBe(1);
    expect(origin.items.size).toBe(0);
  });

  test('a lock that is never granted delays the sign-out by 5 s', async () => {
    const { clock, openTab } = await openSession();
    const { idle } = await openTab();
    origin.lock = () => new Promise(() => {});
    await clock.advance(after + 4_999);
    expect(idle.getSnapshot().kind).toBe('warning');
    await clock.advance(1);
    expect(idle.getSnapshot().kind).toBe('signed-out');
  });

  test.each([
    ['refuses locks', () => Promise.reject(new DOMException('on purpose', 'SecurityError'))],
    ['has no locks', undefined],
  ])('a browser that %s: signs out anyway', async (_, lock) => {
    const { clock, openTab } = await openSession();
    const { idle } = await openTab();
    if (lock === undefined) vi.stubGlobal('navigator', {});
    origin.lock = lock;
    await clock.advance(after);
    expect(idle.getSnapshot().kind).toBe('signed-out');
  });

  test('law nothing-silent: reports once that localStorage is blocked, and the tabs still share their activity', async () => {
    const { clock, openTab } = await openSession();
    origin.refuse = () => {
      throw new DOMException('on purpose', 'SecurityError');
    };
    const [one, other] = [await openTab(), await openTab()];
    await clock.advance(after - 1);
    one.tab.act();
    await clock.advance(1);
    expect(other.idle.getSnapshot().kind).toBe('active');
    expect(other.errors).toEqual([
      expect.objectContaining({ code: 'ERR_STORAGE', message: expect.stringMatching(/Allow/) }),
    ]);
  });

  test.each(['no JSON', 'null', '{"login":1}', '{"login":null,"at":"now"}'])(
    'ignores the foreign value %s',
    async (text) => {
      origin.items.set(item, text);
      const { openTab } = await openSession();
      const { idle } = await openTab();
      expect(idle.getSnapshot().kind).toBe('active');
    },
  );
});

describe('a tab that slept past the end', () => {
  const wakes: [string, (tab: Tab) => void][] = [
    ['is focused', (tab) => tab.window.emit('focus')],
    ['is shown', (tab) => tab.show()],
    ['comes back from the back/forward cache', (tab) => tab.window.emit('pageshow', { persisted: true })],
    ['is resumed', (tab) => tab.document.emit('resume')],
    ['receives a movement', (tab) => tab.act()],
  ];
  test.each(wakes)('ends the session before a call when it %s', async (_, wake) => {
    const { clock, server, openTab } = await openSession();
    const { tab, idle, manager } = await openTab();
    origin.lock = () => new Promise(() => {}); // another tab sleeps with it
    clock.set(clock.now() + after);
    wake(tab);
    await expect(manager.fetch(api)).rejects.toMatchObject({ reason: 'signed_out' });
    expect(idle.getSnapshot().kind).toBe('signed-out');
    expect(server.counts).toMatchObject({ apiCalls: 0, refreshAttempts: 0 });
  });

  test('signs out by its late timer when no event reports the sleep', async () => {
    const { clock, openTab } = await openSession();
    const { idle } = await openTab();
    await clock.advance(10_000);
    clock.set(clock.now() + after);
    await clock.advance(30_000);
    expect(idle.getSnapshot().kind).toBe('signed-out');
  });

  test('stays signed in when the user was active in another tab meanwhile', async () => {
    const { clock, openTab } = await openSession();
    const [sleeper, other] = [await openTab(), await openTab()];
    sleeper.tab.window.emit('pagehide');
    expect(origin.channels.size).toBe(1);
    clock.set(clock.now() + after - 1);
    other.tab.act();
    clock.set(clock.now() + after - 1);
    sleeper.tab.window.emit('pageshow', { persisted: true });
    await clock.advance(0);
    expect(sleeper.idle.getSnapshot().kind).toBe('warning');
    expect(origin.channels.size).toBe(2);
  });

  test('a page that is loaded after the end rejects its first call', async () => {
    const { clock, server, openTab } = await openSession();
    const { idle } = await openTab();
    idle.stop();
    clock.set(clock.now() + after);
    const loaded = await openTab();
    await expect(loaded.manager.fetch(api)).rejects.toMatchObject({ reason: 'signed_out' });
    expect(server.counts.apiCalls).toBe(0);
  });

  test('a new login does not inherit the time of the previous one', async () => {
    const { clock, server, manager, openTab } = await openSession();
    const { idle } = await openTab();
    idle.stop();
    clock.set(clock.now() + after);
    await manager.setTokens(server.signIn());
    expect((await openTab()).idle.getSnapshot().kind).toBe('active');
  });
});

describe('a clock that is set back', () => {
  test('does not prolong the time of a tab', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] });
    const { session, manager } = bareSession();
    const idle = origin.open(() => idleSignOut(manager, { after, warn }));
    await idle.ready;
    await vi.advanceTimersByTimeAsync(after / 2);
    vi.setSystemTime(Date.now() - 86_400_000);
    await vi.advanceTimersByTimeAsync(after / 2 - 1);
    expect(session.signOuts).toBe(0);
    await vi.advanceTimersByTimeAsync(1_001);
    expect(session.signOuts).toBe(1);
    idle.stop();
  });

  test('with a clock of your own: begins the countdown again', async () => {
    const { clock, openTab } = await openSession();
    const { idle } = await openTab();
    const start = clock.now();
    clock.set(start - 86_400_000);
    idle.stayActive();
    clock.set(start - 86_400_000 + after - 1);
    await clock.advance(0);
    expect(idle.getSnapshot().kind).toBe('warning');
    clock.set(start - 86_400_000 + after);
    idle.stayActive();
    expect(idle.getSnapshot().kind).toBe('signed-out');
  });
});

describe('a refresh token that expires earlier', () => {
  async function open(expiresIn: number) {
    const clock = testClock();
    const { session, manager } = bareSession(clock.now() + expiresIn);
    const tab = new Tab();
    const idle = origin.open(() => idleSignOut(manager, { after, warn, clock }), tab);
    onTestFinished(idle.stop);
    await idle.ready;
    return { clock, session, idle, tab };
  }

  test('ends the countdown of an idle user', async () => {
    const { clock, session, idle } = await open(300_000);
    const endsAt = clock.now() + 300_000;
    await clock.advance(300_000 - warn);
    expect(idle.getSnapshot()).toEqual({ kind: 'warning', endsAt });
    await clock.advance(warn);
    expect(session.signOuts).toBe(1);
  });

  test('law only-the-server-ends-it: does not sign out a user who was just active', async () => {
    const { clock, session, idle, tab } = await open(300_000);
    await clock.advance(300_000 - 1);
    tab.act();
    expect(idle.getSnapshot().kind).toBe('active');
    await clock.advance(after - 1);
    expect(session.signOuts).toBe(0);
  });

  test.each(['refreshed', 'adopted', 'refreshTokenExpiring'])('follows the event %s', async (type) => {
    const { clock, session, idle } = await open(300_000);
    session.tokens = { login: 'a login', refreshTokenExpiresAt: clock.now() + warn };
    session.emit(type);
    await clock.advance(0);
    expect(idle.getSnapshot()).toEqual({ kind: 'warning', endsAt: clock.now() + warn });
  });
});

describe('failures', () => {
  test('law nothing-silent: reports a sign-out that the storage refused, and a page that is loaded again signs out', async () => {
    const storage = watchedStorage();
    const { clock, openTab } = await openSession({ manager: { storage } });
    const { idle, errors, results, manager } = await openTab();
    storage.before = (operation) => {
      if (operation === 'delete') throw diskFull();
    };
    await clock.advance(after);
    expect(idle.getSnapshot().kind).toBe('signed-out');
    await expect(manager.getAccessToken()).rejects.toMatchObject({ reason: 'signed_out' });
    expect(errors).toEqual([expect.objectContaining({ code: 'ERR_STORAGE', operation: 'delete' })]);
    expect(results).toEqual([]);
    idle.stop();
    storage.before = () => undefined;
    expect((await openTab()).idle.getSnapshot().kind).toBe('signed-out');
  });

  test('without onError: an unhandled rejection', async () => {
    const error = new Error('on purpose');
    const { manager } = bareSession();
    const seen = new Promise((resolve) => process.once('unhandledRejection', resolve));
    const others = process.listeners('unhandledRejection').slice(0, -1);
    for (const other of others) process.off('unhandledRejection', other);
    onTestFinished(() => {
      for (const other of others) process.on('unhandledRejection', other);
    });
    const idle = origin.open(() =>
      idleSignOut({ ...manager, getTokens: () => Promise.reject(error) }, { after, clock: testClock() }),
    );
    expect(await seen).toBe(error);
    idle.stop();
  });

  test('a session that cannot be read is read again', async () => {
    const clock = testClock();
    const { session, manager } = bareSession();
    const errors: unknown[] = [];
    const getTokens = vi.fn(manager.getTokens).mockRejectedValueOnce(diskFull());
    const idle = origin.open(() =>
      idleSignOut({ ...manager, getTokens }, { after, clock, onError: (error) => errors.push(error) }),
    );
    await idle.ready;
    expect(errors).toHaveLength(1);
    await clock.advance(5_000);
    await clock.advance(after);
    expect(session.signOuts).toBe(1);
    idle.stop();
  });
});

describe('stop()', () => {
  test.each(['stop', 'using'])(
    'by %s: leaves no timer, listener or channel, and the session',
    async (how) => {
      const clock: TestClock = testClock();
      const { session, manager } = bareSession();
      const tab = new Tab();
      const idle = origin.open(() => idleSignOut(manager, { after, clock }), tab);
      await idle.ready;
      expect([clock.timers, session.listeners, origin.channels.size]).toEqual([1, 1, 1]);
      if (how === 'stop') idle.stop();
      else idle[Symbol.dispose]();
      expect([clock.timers, session.listeners, origin.channels.size, tab.listening]).toEqual([0, 0, 0, 0]);
      await clock.advance(after * 2);
      expect(session.signOuts).toBe(0);
    },
  );

  test('before the session was read: begins nothing', async () => {
    const clock = testClock();
    const { manager } = bareSession();
    const idle = origin.open(() => idleSignOut(manager, { after, clock }));
    idle.stop();
    await idle.ready;
    expect(clock.timers).toBe(0);
  });
});

test('on a server that renders pages: nothing happens', async () => {
  const clock = testClock();
  const { session, manager } = bareSession();
  const idle = idleSignOut(manager, { after, clock });
  await idle.ready;
  expect(idle.getSnapshot()).toEqual({ kind: 'active' });
  idle.stayActive();
  expect([clock.timers, session.listeners]).toEqual([0, 0]);
  idle.stop();
});

describe('refuses with a remedy', () => {
  const { manager } = bareSession();
  test.each([
    ['after: missing', {}, /the option after must be a number of milliseconds greater than 0/],
    ['after: 0', { after: 0 }, /the option after must/],
    ['after: negative', { after: -1 }, /the option after must/],
    ['after: NaN', { after: Number.NaN }, /the option after must/],
    ['after: Infinity', { after: Number.POSITIVE_INFINITY }, /the option after must/],
    ['after: text', { after: '1' }, /the option after must/],
    ['warn: as long as after', { after, warn: after }, /the option warn must .* less than after/],
    ['warn: negative', { after, warn: -1 }, /the option warn must/],
    ['warn: NaN', { after, warn: Number.NaN }, /the option warn must/],
    ['name: empty', { after, name: '' }, /the option name must be a non-empty string/],
    ['no options', undefined, /the options must be an object/],
  ])('%s', (_, options, why) => {
    expect(() => idleSignOut(manager, options as never)).toThrow(explained(why));
  });

  test.each([undefined, {}, () => manager])('%s in place of a manager', (value) => {
    expect(() => idleSignOut(value as never, { after })).toThrow(
      explained(/the manager must be a TokenManager/),
    );
  });
});

test('in any order of activity, sleep and time: signs out once, and never a user who was active', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('act' as const), tab: fc.nat(2) }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: after / 2 }) }),
    fc.record({ kind: fc.constant('sleep' as const), ms: fc.integer({ min: 1, max: after }) }),
    fc.record({ kind: fc.constant('focus' as const), tab: fc.nat(2) }),
    fc.record({ kind: fc.constant('freeze' as const), tab: fc.nat(2) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const own = new Origin();
      const scene = await openManager({ manager: { storage: memoryStorage() } });
      const { clock, server } = scene;
      const tabs = await Promise.all(
        [0, 1, 2].map(async () => {
          const tab = new Tab();
          const idle = own.open(() => idleSignOut(scene.open(), { after, warn, clock }), tab);
          await idle.ready;
          return { tab, idle };
        }),
      );
      let activeAt = clock.now();
      const isSignedOut = () => tabs.some(({ idle }) => idle.getSnapshot().kind === 'signed-out');
      for (const one of steps) {
        if (one.kind === 'pass') await clock.advance(one.ms);
        else if (one.kind === 'sleep') clock.set(clock.now() + one.ms);
        else if (one.kind === 'act') {
          tabs[one.tab]?.tab.act();
          if (!isSignedOut()) activeAt = clock.now();
        } else if (one.kind === 'focus') tabs[one.tab]?.tab.window.emit('focus');
        else tabs[one.tab]?.tab.window.emit('pagehide');
        await clock.advance(0);
        // An activity is recorded at most once a second.
        const idleFor = clock.now() - activeAt;
        if (isSignedOut()) expect(idleFor).toBeGreaterThanOrEqual(after - 1_000);
      }
      await clock.advance(after + 30_000);
      expect(tabs.map(({ idle }) => idle.getSnapshot().kind)).toEqual(Array(3).fill('signed-out'));
      expect(server.counts.revocations).toBe(1);
      for (const { tab, idle } of tabs) {
        idle.stop();
        stays(tab);
      }
      expect(clock.timers).toBe(0);
      await scene[Symbol.asyncDispose]();
    }),
  );
});
