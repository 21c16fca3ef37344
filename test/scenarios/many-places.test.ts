/**
 * Bugs that users of other token managers reported where a session is open in several places: tabs and processes that
 * lose against each other, locks that break, flags that outlive their owners. Each test names its report. Cases that
 * need real browsers and processes are in `test/browser` and `test/integration`.
 */
import { isTokenKeepError, type TokenLock } from 'tokenkeep';
import { webLock, webStorage } from 'tokenkeep/browser';
import { faults } from 'tokenkeep/testing';
import { beforeEach, describe, expect, test } from 'vitest';
import { fingerprint } from '../../src/core/fingerprint.ts';
import { stubBrowserLocks } from '../support/browser.ts';
import { api, openManager } from '../support/open-manager.ts';
import { rejection } from '../support/promises.ts';

const key = 'test-client/default';

/** Lets everybody in at once: a lock that was stolen, or none. */
const noLock: TokenLock = { reach: 'process', request: (_name, _options, callback) => callback() };

describe('two that refresh', () => {
  test('B11 okta-auth-js#717: a tab whose refresh is refused because another one has won adopts, and says nothing of an end', async () => {
    const { server, storage, manager, open, events } = await openManager({ manager: { lock: noLock } });
    const spent = server.currentRefreshToken();
    server.expire();
    const hold = server.hold({ times: 1 });
    const losing = manager.fetch(api);
    await hold.arrived();
    // The other tab has rotated by other means than ours, and the server refuses what it has replaced.
    const tokens = server.signIn();
    const stored = await storage.read(key);
    const won = {
      ...(stored?.record as object),
      refreshToken: tokens.refresh_token,
      pendingRefresh: undefined,
    };
    const accessTokens = { '': { token: tokens.access_token, type: 'Bearer', issuedAt: 0 } };
    await storage.write(key, { ...won, accessTokens }, stored?.version);
    server.revokeFamily(spent);
    hold();
    expect((await losing).status).toBe(200);
    expect(events.map(({ type }) => type)).not.toContain('sessionEnded');
    expect((await open().getTokens())?.refreshToken).toBe(tokens.refresh_token);
    expect((await manager.getTokens())?.refreshToken).toBe(tokens.refresh_token);
  });

  test('B21 supabase PR #2178: who loses the lock during the POST does not write over what came meanwhile', async () => {
    const { server, clock, manager, open, events } = await openManager({
      manager: { lock: noLock },
      server: { scope: ['openid', 'read'] },
    });
    await clock.advance(400_000);
    const hold = server.hold({ commits: true, times: 1 });
    const late = manager.getAccessToken();
    await hold.arrived();
    const login = server.signIn();
    await open().setTokens(login);
    await hold();
    expect(await late).toBe(login.access_token);
    expect((await manager.getTokens())?.refreshToken).toBe(login.refresh_token);
    expect(server.isActive(login.refresh_token ?? '')).toBe(true);
    expect(events.map(({ type }) => type)).not.toContain('sessionEnded');
  });

  test('B21: and nothing is lost where the record still waits for its answer, although it was written to', async () => {
    const { server, clock, manager, open } = await openManager({ manager: { lock: noLock } });
    await clock.advance(400_000);
    const hold = server.hold({ commits: true, times: 1 });
    const late = manager.getAccessToken();
    await hold.arrived();
    // The tab that takes over cannot reach the server, and notes that: another version is stored now.
    server.fail(faults.serverError);
    expect(await rejection(open().getAccessToken())).toMatchObject({ code: 'ERR_REFRESH_FAILED' });
    await hold();
    expect(await late).toBe(server.currentAccessToken());
    expect((await manager.getTokens())?.refreshToken).toBe(server.currentRefreshToken());
    await clock.advance(3_600_000);
    expect(await open().getAccessToken()).toBe(server.currentAccessToken());
    expect(server.counts).toMatchObject({ refreshes: 2, reuses: 0, familiesRevoked: 0 });
  });
});

describe('locks', () => {
  test.each([
    [
      'a lock that is stolen',
      new DOMException("Lock broken by another request with the 'steal' option.", 'AbortError'),
    ],
    ['a page that is leaving', new DOMException('The document is not fully active.', 'InvalidStateError')],
    ['anything else', 'a string'],
  ])(
    'B23 supabase-js#2620: %s is an error of ours, with the lock’s own as its cause',
    async (_what, thrown) => {
      const breaking: TokenLock = { reach: 'process', request: () => Promise.reject(thrown) };
      const { server, clock, manager, call } = await openManager({ manager: { lock: breaking } });
      await clock.advance(400_000);
      for (const failing of [call(), manager.getAccessToken()]) {
        const error = await rejection(failing);
        expect(isTokenKeepError(error)).toBe(true);
        expect(error).toMatchObject({ code: 'ERR_LOCK_TIMEOUT' });
      }
      expect(server.counts.tokenRequests).toBe(0);
    },
  );

  const century = 100 * 365 * 86_400_000;
  const by = 'a page that was reloaded';
  test.each<[string, (now: number) => { pendingRefresh?: object; failure?: object }]>([
    [
      'a marker of a clock that is ahead',
      (now) => ({ pendingRefresh: { since: now + century, latest: now + century, sends: 9, by } }),
    ],
    [
      'a marker of a clock that is behind',
      (now) => ({ pendingRefresh: { since: now - century, latest: now - century, sends: 9, by } }),
    ],
    [
      'a failure of a clock that is ahead',
      (now) => ({ failure: { kind: 'client', at: now + century, until: now + 2 * century, count: 9 } }),
    ],
    [
      'a failure that is to last for ever',
      (now) => ({ failure: { kind: 'client', at: now - 3_600_000, until: now + century, count: 9 } }),
    ],
  ])('B29 msal#8055: %s is in nobody’s way once its page is gone', async (_what, flags) => {
    const { server, storage, open, clock } = await openManager();
    const stored = await storage.read(key);
    const { pendingRefresh, failure } = flags(clock.now());
    const mark = pendingRefresh && {
      ...pendingRefresh,
      fingerprint: fingerprint(server.currentRefreshToken() ?? ''),
    };
    await storage.write(
      key,
      { ...(stored?.record as object), pendingRefresh: mark, failure },
      stored?.version,
    );
    server.expire();
    expect((await open().fetch(api)).status).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  });
});

describe('a record that is written while others read it', () => {
  // webStorage() cannot distinguish this process from a browser.
  beforeEach(() => stubBrowserLocks());

  test('B17 sample-angular-oauth2-oidc#2: a tab that reads in the middle of a login sees the session before it or all of the new one', async () => {
    const items = new Map<string, string>();
    const seen: (string | undefined)[] = [];
    const area = {
      getItem: (name: string) => items.get(name) ?? null,
      removeItem: (name: string) => void items.delete(name),
      setItem(name: string, value: string) {
        seen.push(sessionIn(items));
        items.set(name, value);
        seen.push(sessionIn(items));
      },
    } as unknown as Storage;
    const { server, manager } = await openManager({
      manager: { storage: webStorage(() => area), lock: webLock() },
    });
    const [before] = seen.splice(0).slice(-1);
    const login = server.signIn();
    await manager.setTokens(login);
    expect(seen).toEqual([before, `${login.access_token} ${login.refresh_token}`]);
  });

  /** The tokens that another tab finds, whatever items they are in. */
  function sessionIn(items: ReadonlyMap<string, string>): string | undefined {
    const all = [...items.values()].join();
    const token = (kind: string) => new RegExp(`${kind}-[\\w-]+`).exec(all)?.[0];
    return items.size === 0 ? undefined : `${token('access')} ${token('refresh')}`;
  }
});
