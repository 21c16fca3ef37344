/** The same application with axios-auth-refresh 5.0.2 and with examples/from-axios-auth-refresh/after.ts. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openApi } from '../../../examples/from-axios-auth-refresh/after.ts';
import { apiOf } from '../../../examples/from-axios-auth-refresh/before.ts';
import { times } from '../../support/promises.ts';
import { legacyPlace, outcome, withTwoItems } from './support/legacy-place.ts';

const loggedIn = async () => withTwoItems(await legacyPlace());
const ten = <T>(status: T): T[] => times(10, () => status);

test('the compared version is the one that the guide names', () => {
  const { version } = JSON.parse(readFileSync('node_modules/axios-auth-refresh/package.json', 'utf8'));
  expect(version).toBe('5.0.2');
});

describe('before', () => {
  test('of ten calls at once most fail', async () => {
    await using place = await loggedIn();
    const api = apiOf(place);
    place.server.expire();
    const held = place.server.hold({ on: 'api', times: 10 });
    const calls = times(10, () => outcome(api.get('orders')));
    await held.arrived(10);
    await held();
    const failed = (await Promise.all(calls)).filter((status) => status === 401);
    expect(failed.length).toBeGreaterThanOrEqual(8);
  });

  test('a 401 that comes late spends another refresh token for nothing', async () => {
    await using place = await loggedIn();
    const api = apiOf(place);
    place.server.expire();
    const held = place.server.hold({ on: 'api', times: 1 });
    const late = outcome(api.get('orders'));
    await held.arrived();
    expect(await outcome(api.get('orders'))).toBe(200);
    await held();
    expect(await late).toBe(200);
    expect(place.server.counts.refreshes).toBe(2);
  });

  test('two tabs send the same refresh token, and the server ends the session', async () => {
    await using place = await loggedIn();
    const tabs = [apiOf(place), apiOf(place)];
    place.server.expire();
    const held = place.server.hold({ on: 'token' });
    const calls = tabs.map((tab) => outcome(tab.get('orders')));
    await held.arrived(2);
    await held();
    await Promise.all(calls);
    expect(place.server.counts).toMatchObject({ reuses: 1, familiesRevoked: 1 });
  });
});

describe('after', () => {
  test('ten calls at once, two tabs, a 401 that comes late: all succeed, with one refresh', async () => {
    await using place = await loggedIn();
    const { server, store } = place;
    const tabs = await Promise.all([openApi(place), openApi(place)]);
    expect(store.length).toBe(0);
    server.expire();
    const held = server.hold({ on: 'api', times: 1 });
    const late = outcome(tabs[0].api.get('orders'));
    await held.arrived();
    const calls = tabs.flatMap(({ api }) => times(10, () => outcome(api.get('orders'))));
    expect(await Promise.all(calls)).toEqual([...ten(200), ...ten(200)]);
    await held();
    expect(await late).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 1, refreshTokensResent: 0, reuses: 0 });
  });

  test('an ended session is reported as such, another status is axios’ own', async () => {
    await using place = await loggedIn();
    const { api } = await openApi(place);
    place.server.fail({ response: { status: 404 } }, { on: 'api' });
    expect(await outcome(api.get('orders'))).toBe(404);
    place.server.revokeFamily();
    expect(await outcome(api.get('orders'))).toBe('ERR_LOGIN_REQUIRED');
  });
});
