/** An aborted login rejects with the signal's reason at once, and leaves nothing behind. */
import { getEventListeners } from 'node:events';
import {
  completeLogin,
  deviceLogin,
  loopbackLogin,
  popupLogin,
  redirectToLogin,
  startLogin,
} from 'tokenkeep/login';
import { beforeEach, expect, test, vi } from 'vitest';
import { answered, as, redirectUri, scene } from './support/server.ts';

const { client, net } = scene();
/** Metadata that never come. */
const silent = { ...client, authorizationServer: () => new Promise<never>(() => undefined) };
const popup = { opener: null, closed: false, location: { replace: vi.fn() }, close: vi.fn() };
const assign = vi.fn();
let pending: Map<string, string>;
beforeEach(() => {
  pending = new Map();
  vi.stubGlobal('location', { origin: new URL(redirectUri).origin, assign });
  vi.stubGlobal('open', () => popup);
});

const logins: Record<string, (signal: AbortSignal) => Promise<unknown>> = {
  startLogin: (signal) => startLogin({ ...silent, redirectUri, pending, signal }),
  redirectToLogin: (signal) => redirectToLogin({ ...silent, redirectUri, pending, signal }),
  popupLogin: (signal) => popupLogin({ ...silent, redirectUri, signal }),
  loopbackLogin: (signal) => loopbackLogin({ ...silent, signal }),
  deviceLogin: (signal) => deviceLogin({ ...silent, onPrompt: () => undefined, signal }),
};
const listenersOf = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

test.each(Object.entries(logins))('%s is aborted during discovery', async (name, begin) => {
  const giving = new AbortController();
  const login = begin(giving.signal);
  await vi.waitUntil(() => listenersOf(giving.signal) > 0);
  giving.abort(new Error('enough'));
  await expect(login).rejects.toThrow('enough');
  expect(listenersOf(giving.signal)).toBe(0);
  expect([pending.size, popup.close.mock.calls.length]).toEqual([0, name === 'popupLogin' ? 1 : 0]);
  // … and does not begin at all when it is too late before.
  await expect(begin(giving.signal)).rejects.toThrow('enough');
  expect(net.sent).toEqual([]);
});

test('the second half is not aborted: the code can be used once, and another caller may want it', async () => {
  const both = { ...client, pending, signal: new AbortController().signal };
  const { url } = await startLogin({ ...both, redirectUri });
  const options = { ...both, signal: AbortSignal.abort(new Error('enough')) };
  const { tokens } = await completeLogin(options, answered(url));
  expect(tokens.refreshToken).toBe('refresh-1');
});

test('a login that was aborted while it was stored sends no one anywhere', async () => {
  const giving = new AbortController();
  const slow = {
    getItem: () => null,
    setItem: () => giving.abort(new Error('enough')),
    removeItem: () => undefined,
  };
  const login = redirectToLogin({ ...client, redirectUri, pending: slow, signal: giving.signal });
  await expect(login).rejects.toThrow('enough');
  expect(assign).not.toHaveBeenCalled();
});

test('a prompt that waits for its user does not delay an abort', async () => {
  const device = { device_code: 'd', user_code: 'u', verification_uri: 'https://as.test/enter' };
  const { client } = scene({ [as.deviceAuthorizationEndpoint]: () => Response.json(device) });
  const giving = new AbortController();
  const onPrompt = () => {
    giving.abort(new Error('enough'));
    return new Promise<void>(() => undefined);
  };
  await expect(deviceLogin({ ...client, onPrompt, signal: giving.signal })).rejects.toThrow('enough');
  expect(listenersOf(giving.signal)).toBe(0);
});
