/** The effect of a hand-written interceptor on a session, and the import by examples/from-an-interceptor/. */
import { faults } from 'tokenkeep/testing';
import { describe, expect, test, vi } from 'vitest';
import { authorizedFetch } from '../../../examples/from-an-interceptor/before.ts';
import { openSession } from '../../../examples/from-an-interceptor/session.ts';
import { times } from '../../support/promises.ts';
import { legacyPlace, outcome, withTwoItems } from './support/legacy-place.ts';

const loggedIn = async () => withTwoItems(await legacyPlace());

describe('before', () => {
  test('in one page all is well: most calls share a refresh', async () => {
    await using place = await loggedIn();
    const tab = authorizedFetch(place);
    place.server.expire();
    expect(await Promise.all(times(10, () => outcome(tab(place.api))))).toEqual(times(10, () => 200));
    expect(place.server.counts.refreshes).toBeLessThan(10);
    expect(place.server.counts.reuses).toBe(0);
  });

  test('two tabs send the same refresh token, and the server ends the session of both', async () => {
    await using place = await loggedIn();
    const { server, api, store } = place;
    const tabs = [authorizedFetch(place), authorizedFetch(place)];
    server.expire();
    const held = server.hold({ on: 'token' });
    const calls = tabs.map((tab) => outcome(tab(api)));
    await held.arrived(2);
    await held();
    expect(await Promise.all(calls)).toContain('Please log in.');
    expect(server.counts).toMatchObject({ reuses: 1, familiesRevoked: 1 });
    expect(server.isActive(store.getItem('refreshToken') ?? '')).toBe(false);
  });

  test('a 401 that comes late spends another refresh token for nothing', async () => {
    await using place = await loggedIn();
    const { server, api } = place;
    const tab = authorizedFetch(place);
    server.expire();
    const held = server.hold({ on: 'api', times: 1 });
    const late = outcome(tab(api));
    await held.arrived();
    expect(await outcome(tab(api))).toBe(200);
    await held();
    expect(await late).toBe(200);
    expect(server.counts.refreshes).toBe(2);
  });

  test('a Request with a body fails at its replay, and a 503 of the token endpoint erases the tokens', async () => {
    await using place = await loggedIn();
    const { server, api, store } = place;
    const tab = authorizedFetch(place);
    server.expire();
    await expect(tab(new Request(api, { method: 'POST', body: 'order' }))).rejects.toThrow(TypeError);
    server.expire();
    server.fail(faults.serverError, { on: 'token' });
    expect(await outcome(tab(api))).toBe('Please log in.');
    expect(store.length).toBe(0);
  });
});

describe('after', () => {
  test('users stay signed in: tabs that start at once, an expiry, one refresh, no reuse', async () => {
    await using place = await loggedIn();
    const { server, api, store } = place;
    server.expire();
    const tabs = await Promise.all(times(3, () => openSession(place)));
    expect(store.length).toBe(0);
    const calls = tabs.flatMap((tab) => times(5, () => outcome(tab.fetch(api))));
    expect(await Promise.all(calls)).toEqual(times(15, () => 200));
    expect(server.counts).toMatchObject({ refreshes: 1, refreshTokensResent: 0, reuses: 0 });
    const body = new Request(api, { method: 'POST', body: 'order' });
    server.expire();
    expect(await outcome(tabs[0]?.fetch(body) ?? fetch(api))).toBe(200);
    await tabs[0]?.signOut();
    expect(await outcome(tabs[1]?.fetch(api) ?? fetch(api))).toBe('ERR_LOGIN_REQUIRED');
    expect(server.counts.reuses).toBe(0);
  });

  test('a tab that still runs the old code spends nothing, and ends nobody’s session', async () => {
    await using place = await loggedIn();
    const { server, api } = place;
    const old = authorizedFetch(place);
    const manager = await openSession(place);
    server.expire();
    expect(await outcome(old(api))).toBe('Please log in.');
    expect(await outcome(manager.fetch(api))).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  });

  test('an unusable session is refused, reported, and left alone', async () => {
    await using place = await legacyPlace();
    const { api, store } = place;
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    expect(await outcome((await openSession(place)).fetch(api))).toBe('ERR_LOGIN_REQUIRED');
    expect(warned).not.toHaveBeenCalled();
    for (const junk of ['', 'null', 'undefined']) {
      store.setItem('accessToken', 'at');
      store.setItem('refreshToken', junk);
      expect(await outcome((await openSession(place)).fetch(api))).toBe('ERR_LOGIN_REQUIRED');
    }
    expect(warned).toHaveBeenCalledTimes(3);
    expect(store.getItem('accessToken')).toBe('at');
  });
});
