/** The session of a library before becomes ours. How that goes under races: `test/races/take-over.race.test.ts`. */
import { memoryLock, memoryStorage, type TokenLock } from 'tokenkeep';
import { importSession, type LegacyTokens } from 'tokenkeep/login';
import { describe, expect, test } from 'vitest';
import { key, type OpenedManager, openManager as open } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';
import { diskFull } from '../../support/watched-storage.ts';

/** The stored session of another library, at the same server. */
async function setup(options?: Parameters<typeof open>[0]) {
  const story = await open({ signedIn: false, ...options });
  const { access_token: accessToken, refresh_token } = story.tokens;
  const kept = { accessToken, refreshToken: String(refresh_token), expiresAt: story.clock.now() + 1_000 };
  const place = {
    kept: kept as LegacyTokens,
    reads: 0,
    read: (): LegacyTokens | Promise<LegacyTokens> => {
      place.reads += 1;
      return place.kept;
    },
    remove: (): void | Promise<void> => {
      place.kept = undefined;
    },
  };
  return { ...story, kept, place };
}

const refused = expect.objectContaining({ code: 'ERR_STORAGE', operation: 'delete' });
const outcomeOf = async ({ manager, place }: Awaited<ReturnType<typeof setup>>) =>
  (await importSession(manager, place)).outcome;

describe('a session', () => {
  test('continues without a login, and its refresh token is spent once, by us', async () => {
    const story = await setup();
    expect(await outcomeOf(story)).toBe('imported');
    expect(story.place.kept).toBeUndefined();
    expect(story.types()).toEqual(['signedIn']);
    expect(await story.manager.getTokens()).toMatchObject(story.kept);
    story.expire();
    expect(await story.call()).toBe(200);
    expect(story.posts).toEqual([story.kept.refreshToken]);
    expect(story.server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
    expect(await outcomeOf(story)).toBe('nothing');
  });

  test('is reported once, also to a manager that knows that no one is signed in and watches the storage', async () => {
    const story = await setup({ manager: { storage: memoryStorage() } });
    expect(await story.manager.getTokens()).toBeUndefined();
    const place = {
      ...story.place,
      async remove() {
        await story.clock.advance(0); // all watchers have been notified
        place.read = () => undefined;
      },
    };
    expect(await importSession(story.manager, place)).toEqual({ outcome: 'imported' });
    await story.clock.advance(0);
    expect(story.events).toEqual([
      { type: 'signedIn', session: 'default', login: expect.any(String), where: 'here' },
    ]);
  });

  test('may come as the answer of a token endpoint, and for one of many users', async () => {
    const { manager, place, tokens } = await setup();
    place.kept = tokens;
    const alice = manager.forSession('alice');
    expect(await importSession(alice, place)).toEqual({ outcome: 'imported' });
    expect(await alice.getTokens()).toMatchObject({ refreshToken: tokens.refresh_token });
    expect(await manager.getTokens()).toBeUndefined();
  });

  test('that is not there costs one look: no lock, no storage', async () => {
    const lock: TokenLock = { reach: 'process', request: () => Promise.reject(new Error('not now')) };
    const story = await setup({ manager: { lock } });
    story.place.kept = undefined;
    expect(await outcomeOf(story)).toBe('nothing');
    expect(story.storage.log).toEqual([]);
    expect(story.place.reads).toBe(1);
  });

  test('of ours is never replaced: what is found beside it is removed unread', async () => {
    const story = await setup({ signedIn: true });
    const before = await story.record();
    for (const kept of [{ accessToken: 'other', refreshToken: 'older' }, { refused: 'broken' }]) {
      story.place.kept = kept;
      expect(await outcomeOf(story)).toBe('not-needed');
      expect(story.place.kept).toBeUndefined();
    }
    expect(await story.record()).toEqual(before);
    expect(story.types()).toEqual([]);
  });

  test('that cannot be used is left alone, and the reason is returned', async () => {
    const { manager, place, storage } = await setup();
    place.kept = { refused: 'no refresh token' };
    expect(await importSession(manager, place)).toEqual({ outcome: 'refused', reason: 'no refresh token' });
    expect(place.kept).toEqual({ refused: 'no refresh token' });
    expect(await storage.inner.read(key)).toBeUndefined();
  });

  test('replaces a foreign value, and reports that outside of the lock', async () => {
    let held = 0;
    const inner = memoryLock();
    const lock: TokenLock = {
      reach: 'process',
      request: (name, options, callback) =>
        inner.request(name, options, async () => {
          held += 1;
          return await callback().finally(() => {
            held -= 1;
          });
        }),
    };
    const story = await setup({ manager: { lock } });
    await story.storage.inner.write(key, { schema: 1, nonsense: true }, undefined);
    const told: [string, number][] = [];
    story.manager.on('*', ({ type }) => void told.push([type, held]));
    expect(await outcomeOf(story)).toBe('imported');
    expect(told).toEqual([
      ['recordRejected', 0],
      ['signedIn', 0],
      ['recordReplaced', 0],
    ]);
    expect(await story.record()).toMatchObject({ refreshToken: story.kept.refreshToken });
  });
});

describe('an action meanwhile in this process wins:', () => {
  const during = (
    story: OpenedManager & { place: { read(): LegacyTokens | Promise<LegacyTokens> } },
    act: () => unknown,
  ) => {
    let reads = 0;
    const { read } = story.place;
    story.place.read = async () => {
      const tokens = await read();
      reads += 1;
      if (reads === 2) await act();
      return tokens;
    };
  };

  test('a sign-out: what was kept is gone, and revoked', async () => {
    const story = await setup();
    during(story, () => story.manager.signOut());
    expect(await outcomeOf(story)).toBe('not-needed');
    await expect.poll(() => story.server.isActive(story.kept.refreshToken)).toBe(false);
    expect(story.place.kept).toBeUndefined();
    expect(await story.manager.getTokens()).toBeUndefined();
    expect(story.types()).not.toContain('signedIn');
    expect(story.storage.log).not.toContain('write');
  });

  test('a sign-out while it is written', async () => {
    const story = await setup();
    story.storage.before = async (operation) => {
      if (operation !== 'write') return;
      story.storage.before = () => undefined;
      await story.manager.signOut();
    };
    expect(await outcomeOf(story)).toBe('not-needed');
    await expect.poll(() => story.server.isActive(story.kept.refreshToken)).toBe(false);
    expect(await story.storage.inner.read(key)).toBeUndefined();
  });

  test('a sign-out while it is removed', async () => {
    const story = await setup();
    const { remove } = story.place;
    story.place.remove = async () => {
      await story.manager.signOut();
      remove();
    };
    expect(await outcomeOf(story)).toBe('not-needed');
    expect(story.server.isActive(story.kept.refreshToken)).toBe(false);
    expect(await story.manager.getTokens()).toBeUndefined();
    expect(story.types()).not.toContain('signedIn');
  });

  test('a login', async () => {
    const story = await setup();
    const login = story.server.signIn();
    during(story, () => story.manager.setTokens(login));
    expect(await outcomeOf(story)).toBe('not-needed');
    expect(await story.record()).toMatchObject({ refreshToken: login.refresh_token });
    expect(story.place.kept).toBeUndefined();
  });

  test('a login that is still being stored', async () => {
    const story = await setup();
    const login = story.server.signIn();
    const entered = Promise.withResolvers<void>();
    const stored = Promise.withResolvers<void>();
    story.storage.before = async (operation) => {
      if (operation !== 'write') return;
      entered.resolve();
      await stored.promise;
    };
    const arriving = story.manager.setTokens(login);
    await entered.promise;
    expect(await outcomeOf(story)).toBe('not-needed');
    stored.resolve();
    await arriving;
    expect(await story.record()).toMatchObject({ refreshToken: login.refresh_token });
  });
});

describe('trouble', () => {
  test('a remove() that removes nothing is found out: the session stays where it was', async () => {
    const story = await setup();
    story.place.remove = () => undefined;
    const error = await rejection(importSession(story.manager, story.place));
    expect(error).toEqual(refused);
    expect((error as Error).message).toContain('read() and remove()');
    expect(story.place.kept).toBe(story.kept);
    expect(await story.storage.inner.read(key)).toBeUndefined();
    expect(story.types()).not.toContain('signedIn');
  });

  test('a remove() that fails says why; one that has removed it nevertheless has done', async () => {
    const story = await setup();
    const { remove } = story.place;
    story.place.remove = () => Promise.reject(new Error('read-only'));
    expect(await rejection(importSession(story.manager, story.place))).toMatchObject({
      code: 'ERR_STORAGE',
      cause: { cause: { message: 'read-only' } },
    });
    story.place.remove = () => {
      remove();
      throw new Error('no answer');
    };
    expect(await outcomeOf(story)).toBe('imported');
  });

  test('a storage of ours that refuses it: nothing is removed, and the next try succeeds', async () => {
    const story = await setup();
    story.storage.before = (operation) => {
      if (operation === 'write') throw diskFull();
    };
    expect(await rejection(importSession(story.manager, story.place))).toMatchObject({ code: 'ERR_STORAGE' });
    expect(story.place.kept).toBe(story.kept);
    expect(await rejection(story.manager.getAccessToken())).toMatchObject({ reason: 'no_tokens' });
    story.storage.before = () => undefined;
    expect(await outcomeOf(story)).toBe('imported');
  });

  test('a read() that fails: a StorageError that quotes nothing of what was found', async () => {
    const { manager, place } = await setup();
    place.read = () => JSON.parse('secret-of-the-user');
    const error = (await rejection(importSession(manager, place))) as Error;
    expect(error).toMatchObject({ code: 'ERR_STORAGE', operation: 'read' });
    expect(`${error} ${error.cause} ${error.stack}`).not.toContain('secret');
  });

  test('one that never answers ends', async () => {
    const story = await setup();
    story.place.read = () => new Promise(() => undefined);
    const error = rejection(importSession(story.manager, story.place));
    await story.clock.advance(30_000);
    expect(await error).toMatchObject({ code: 'ERR_STORAGE' });
  });

  test('an import that sleeps for longer than half a lease begins again', async () => {
    const lock: TokenLock = { ...memoryLock(), lease: 50_000 };
    const story = await setup({ manager: { lock } });
    const { read } = story.place;
    let naps = 1;
    story.place.read = () => {
      // The second look, which is under the lock.
      if (story.place.reads > 0 && naps-- > 0) story.clock.set(story.clock.now() + 26_000);
      return read();
    };
    expect(await outcomeOf(story)).toBe('imported');
    expect(story.place.reads).toBe(4); // before the lock, asleep, awake, and to see that it is gone
    story.place.kept = story.kept;
    await story.manager.signOut({ revoke: false });
    naps = 9;
    expect(await rejection(importSession(story.manager, story.place))).toMatchObject({
      code: 'ERR_LOCK_TIMEOUT',
    });
    expect(story.place.kept).toBe(story.kept);
  });

  test('a lock that fails', async () => {
    const lock: TokenLock = { reach: 'process', request: () => Promise.reject(new Error('no locks here')) };
    const story = await setup({ manager: { lock } });
    expect(await rejection(importSession(story.manager, story.place))).toMatchObject({
      code: 'ERR_LOCK_TIMEOUT',
      cause: { message: 'no locks here' },
    });
    expect(story.place.kept).toBe(story.kept);
  });

  test('tokens that cannot be used here are an error of who wrote read(), and stay', async () => {
    const { manager, place, kept, storage } = await setup();
    for (const wrong of [
      { ...kept, tokenType: 'DPoP' },
      { ...kept, accessToken: '' },
      { ...kept, accessToken: 'a b' },
      { ...kept, expiresAt: Number.NaN },
    ]) {
      place.kept = wrong;
      expect(await rejection(importSession(manager, place))).toMatchObject({ code: 'ERR_CONFIGURATION' });
      expect(place.kept).toBe(wrong);
    }
    expect(await storage.inner.read(key)).toBeUndefined();
  });

  test('invalid managers, and invalid legacy sessions', async () => {
    const { manager, place } = await setup();
    for (const wrong of [
      undefined,
      null,
      {},
      { fetch, setTokens: manager.setTokens, forSession: manager.forSession },
    ]) {
      expect(await rejection(importSession(wrong as never, place))).toMatchObject({
        code: 'ERR_CONFIGURATION',
      });
    }
    for (const wrong of [undefined, null, {}, { read: () => undefined }, { remove: () => undefined }]) {
      expect(await rejection(importSession(manager, wrong as never))).toMatchObject({
        code: 'ERR_CONFIGURATION',
      });
    }
  });
});
