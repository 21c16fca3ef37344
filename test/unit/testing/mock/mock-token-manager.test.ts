import { afterEach, expect, test, vi } from 'vitest';
import { LoginRequiredError, TokenManager } from '../../../../src/index.ts';
import type { MockTokenManager } from '../../../../src/testing/index.ts';
import { mockTokenManager } from '../../../../src/testing/index.ts';
import { eventsOf } from '../../../support/events.ts';
import { rejection } from '../../../support/promises.ts';

afterEach(() => {
  vi.restoreAllMocks(); // of a fake timer, so it must come first
  vi.useRealTimers();
});

const api = 'https://api.test/orders';
const protectedResources = ['https://api.test/'];
const answer = (): Response => new Response('{}');

/** Compiles only if an application takes a mock for a manager, and if the mock has nothing that a manager lacks but this. */
type Added = Exclude<keyof MockTokenManager, keyof TokenManager>;
const added: Record<Added, true> = { signIn: true, endSession: true };
const asManager = (manager: MockTokenManager): TokenManager => manager;

test('a mock is a TokenManager with two more functions', () => {
  const mock = mockTokenManager({ protectedResources });
  expect(asManager(mock)).toBeInstanceOf(TokenManager);
  expect(Object.keys(added).map((name) => typeof mock[name as Added])).toEqual(['function', 'function']);
});

test('a user is signed in before the first call, as after a reload, and no event is emitted', async () => {
  const mock = mockTokenManager({ protectedResources, claims: { sub: 'ada' }, fetch: answer });
  const events = eventsOf(mock);
  expect((await mock.fetch(api)).status).toBe(200);
  expect(await mock.getTokens()).toMatchObject({ subject: 'ada' });
  expect(events).toEqual([]);
});

test('the ID token has the claims of the options or of signIn(), and others by default', async () => {
  const claimsOf = async (manager: TokenManager): Promise<unknown> => {
    const payload = (await manager.getTokens())?.idToken?.split('.')[1] ?? '';
    const binary = atob(payload.replaceAll('-', '+').replaceAll('_', '/'));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(binary, (one) => one.charCodeAt(0))));
  };
  const standard = { iss: 'https://mock.invalid', aud: 'mock', sub: 'mock-user' };
  expect(await claimsOf(mockTokenManager({ protectedResources }))).toEqual(standard);
  const mock = mockTokenManager({ protectedResources, claims: { name: 'Zoë' }, signedIn: false });
  await mock.signIn();
  expect(await claimsOf(mock)).toEqual({ ...standard, name: 'Zoë' });
  await mock.signIn({ claims: { sub: 'grace' } });
  expect(await claimsOf(mock)).toEqual({ ...standard, sub: 'grace' });
});

test('a login takes effect at once, also the first one while the session is still being stored', async () => {
  const mock = mockTokenManager({ protectedResources, claims: { sub: 'ada' }, fetch: answer });
  const signingIn = mock.signIn({ claims: { sub: 'grace' } });
  expect((await mock.fetch(api)).status).toBe(200);
  await signingIn;
  expect((await mock.getTokens())?.subject).toBe('grace');
});

test('a sign-out right after the construction signs out', async () => {
  const mock = mockTokenManager({ protectedResources, fetch: answer });
  expect(await mock.signOut()).toEqual({ revoked: true });
  expect(await rejection(mock.fetch(api))).toBeInstanceOf(LoginRequiredError);
});

test('it starts no timer, so fake timers stop nothing', async () => {
  vi.useFakeTimers();
  let rejects = true;
  const mock = mockTokenManager({
    protectedResources,
    fetch() {
      if (!rejects) return answer();
      rejects = false;
      return new Response(null, {
        status: 401,
        headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
      });
    },
  });
  const started = vi.spyOn(globalThis, 'setTimeout');
  expect((await mock.fetch(api)).status).toBe(200);
  await mock.endSession('response_lost');
  await mock.signIn();
  await mock.signOut();
  expect(started).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});

test('without the option fetch nothing is sent, and the error names the request without its query', async () => {
  const mock = mockTokenManager({ protectedResources });
  for (const request of [
    `${api}?code=secret`,
    new URL(`${api}?code=secret`),
    new Request(`${api}?code=secret`),
  ]) {
    const error = await rejection(mock.fetch(request as string));
    expect(error).toMatchObject({ code: 'ERR_CONFIGURATION' });
    expect(error.message).toMatch(
      /mockTokenManager\(\{ fetch \}\), and let it answer https:\/\/api\.test\/orders\.$/,
    );
  }
});

test('a user who signs in again after the end of a session has one that is refreshed', async () => {
  const mock = mockTokenManager({ protectedResources, fetch: answer });
  const events = eventsOf(mock);
  await mock.endSession();
  await mock.signIn();
  const rejectedToken = await mock.getAccessToken();
  expect(await mock.getAccessToken({ rejectedToken })).not.toBe(rejectedToken);
  expect(events.map(({ type }) => type)).toEqual(['sessionEnded', 'signedIn', 'refreshed']);
  expect(events[0]).toMatchObject({ error: { reason: 'invalid_grant' } });
});

test('a refresh in progress does not keep endSession() from ending the session', async () => {
  const mock = mockTokenManager({ protectedResources, fetch: answer });
  const rejectedToken = await mock.getAccessToken();
  const refreshing = mock.getAccessToken({ rejectedToken }).catch(() => undefined);
  await mock.endSession();
  await refreshing;
  expect(await mock.getTokens()).toBeUndefined();
});

test('two mocks share nothing', async () => {
  const [one, other] = [mockTokenManager({ protectedResources }), mockTokenManager({ protectedResources })];
  await one.signOut();
  expect(await one.getTokens()).toBeUndefined();
  expect(await other.getTokens()).toBeDefined();
});

test.each([
  [undefined, /options\) must be an object with some of protectedResources, signedIn, claims, fetch\.$/],
  [{ protectedResources, claim: {} }, /unknown member claim\./],
  [{ signedIn: true }, /^The option protectedResources /],
  [{ protectedResources, signedIn: 'no' }, /^The option signedIn must be true or false\.$/],
  [{ protectedResources, claims: 'ada' }, /^The option claims must be an object such as \{ sub: 'ada' \}\.$/],
  [{ protectedResources, claims: [] }, /^The option claims must be an object/],
  [{ protectedResources, fetch: 'https://api.test' }, /^The option fetch must be a function/],
])('refuses the options %j', (options, message) => {
  expect(() => mockTokenManager(options as never)).toThrow(message);
});

test('refuses invalid claims and reasons, and to end a session without one', async () => {
  const mock = mockTokenManager({ protectedResources, signedIn: false });
  expect((await rejection(mock.signIn({ claims: 'ada' as never }))).message).toMatch(
    /^signIn\(\{ claims \}\): claims must/,
  );
  expect((await rejection(mock.endSession('revoked' as never))).message).toMatch(
    /^endSession\(reason\): the reason must/,
  );
  expect(await rejection(mock.endSession())).toMatchObject({
    code: 'ERR_CONFIGURATION',
    message: 'endSession(): no one is signed in. Call signIn() first.',
  });
});
