/** A login in a window: the browser's parts are played by the test, message for message. */
import { popupLogin, returnFromPopup } from 'tokenkeep/login';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { rejection } from '../../support/promises.ts';
import { answered, redirectUri, scene } from './support/server.ts';

const origin = 'https://app.test';
let channels: Channel[] = [];

/** Delivers at once, to all others of its name, from an origin that a test can choose. */
class Channel {
  static origin = origin;
  readonly name: string;
  onmessage: ((event: { data: unknown; origin: string }) => void) | null = null;
  constructor(name: string) {
    this.name = name;
    channels.push(this);
  }
  postMessage(data: unknown) {
    for (const other of channels) {
      if (other !== this && other.name === this.name) other.onmessage?.({ data, origin: Channel.origin });
    }
  }
  close() {
    channels = channels.filter((one) => one !== this);
  }
}

class Popup {
  opener: unknown = 'this page';
  closed = false;
  url = '';
  readonly navigated = Promise.withResolvers<void>();
  readonly location = {
    replace: (url: string) => {
      this.url = url;
      this.navigated.resolve();
    },
  };
  close() {
    this.closed = true;
  }
}

let popup: Popup;
const open = vi.fn();
const closeWindow = vi.fn();

beforeEach(() => {
  channels = [];
  Channel.origin = origin;
  popup = new Popup();
  open.mockReset().mockImplementation(() => popup);
  closeWindow.mockReset();
  vi.stubGlobal('BroadcastChannel', Channel);
  vi.stubGlobal('open', open);
  vi.stubGlobal('close', closeWindow);
  vi.stubGlobal('location', { origin, href: redirectUri });
});

async function begin(options: object = {}) {
  const { client, clock, net } = scene();
  const login = popupLogin({ ...client, redirectUri, scope: ['read'], ...options });
  const opened = open.mock.calls.length;
  // The window is at the server, or there will be none.
  await Promise.race([popup.navigated.promise, login.catch(() => undefined)]);
  return { login, clock, net, opened };
}

test('opens a window before it waits for anything, and gets the answer from the page that comes back', async () => {
  const { login, clock, net, opened } = await begin();
  expect(opened).toBe(1);
  expect(open.mock.calls).toEqual([['about:blank', '_blank', 'popup,width=480,height=720']]);
  returnFromPopup(answered(popup.url));
  expect(closeWindow).toHaveBeenCalledTimes(1);
  expect((await login).tokens).toMatchObject({ accessToken: 'access-1', scope: ['read'] });
  expect(popup.url).not.toContain(net.sent[0]?.form.get('code_verifier'));
  expect([popup.closed, popup.opener, channels, clock.timers]).toEqual([true, null, [], 0]);
});

test('two windows do not receive each other’s response', async () => {
  const one = await begin();
  const first = popup;
  popup = new Popup();
  const two = await begin();
  returnFromPopup(answered(popup.url, {}, 'code-2'));
  await two.login;
  expect(two.net.sent[0]?.form.get('code')).toBe('code-2');
  expect(one.net.sent).toEqual([]);
  returnFromPopup(answered(first.url, {}, 'code-1'));
  await one.login;
  expect(one.net.sent[0]?.form.get('code')).toBe('code-1');
});

describe('a message that is not the response is ignored', () => {
  const say = (data: unknown) => {
    const name = `tokenkeep.login.${new URL(popup.url).searchParams.get('state')}`;
    new Channel(name).postMessage(data);
  };

  test('BBA-03: a message of another origin, of another form, of another state', async () => {
    const { login, net } = await begin();
    Channel.origin = 'https://evil.test';
    say(answered(popup.url, {}, 'stolen').href);
    Channel.origin = origin;
    for (const data of [null, 7, {}, 'x', answered(popup.url, { state: 'other' }).href]) say(data);
    expect(net.sent).toEqual([]);
    returnFromPopup(answered(popup.url));
    await login;
    expect(net.sent.map(({ form }) => form.get('code'))).toEqual(['the-code']);
  });

  test('an answer of another issuer is an error, and the code goes nowhere (9207-01)', async () => {
    const { login, net } = await begin();
    returnFromPopup(answered(popup.url, { iss: 'https://evil.test' }));
    expect(await rejection(login)).toMatchObject({ reason: 'invalid_response' });
    expect(net.sent).toEqual([]);
  });
});

describe('ends', () => {
  test('when the window was closed', async () => {
    const { login, clock } = await begin();
    popup.closed = true;
    await clock.advance(1_000);
    expect(await rejection(login)).toMatchObject({ code: 'ERR_LOGIN_FAILED', reason: 'cancelled' });
    expect([channels, clock.timers]).toEqual([[], 0]);
  });

  test('not when it was closed with the answer on its way', async () => {
    const { login, clock } = await begin();
    popup.closed = true;
    await clock.advance(500);
    returnFromPopup(answered(popup.url));
    expect((await login).tokens.accessToken).toBe('access-1');
  });

  test('when the user takes too long, and when the application aborts', async () => {
    const slow = await begin({ lifetime: 60_000 });
    await slow.clock.advance(60_000);
    expect(await rejection(slow.login)).toMatchObject({ reason: 'timed_out' });
    expect(popup.closed).toBe(true);
    popup = new Popup();
    const controller = new AbortController();
    const { login, clock } = await begin({ signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(login).rejects.toThrow('enough');
    expect([popup.closed, channels, clock.timers]).toEqual([true, [], 0]);
  });

  test('when the browser blocks the window', async () => {
    open.mockImplementation(() => null);
    const { login } = await begin();
    expect(await rejection(login)).toMatchObject({ code: 'ERR_LOGIN_FAILED', reason: 'popup_blocked' });
  });

  test('before a window opens, where the page that comes back is not of this origin', async () => {
    const { login, opened } = await begin({ redirectUri: 'https://other.test/callback' });
    expect(await rejection(login)).toMatchObject({ code: 'ERR_CONFIGURATION' });
    expect(opened).toBe(0);
  });

  test('with the window, when the server cannot be found out', async () => {
    const { login } = await begin({ authorizationServer: () => Promise.reject(new Error('offline')) });
    await expect(login).rejects.toMatchObject({
      code: 'ERR_LOGIN_FAILED',
      reason: 'no_response',
      cause: { message: 'offline' },
    });
    expect(popup.closed).toBe(true);
  });
});

test('a page that was opened without an answer says so', () => {
  expect(() => returnFromPopup()).toThrow(expect.objectContaining({ reason: 'invalid_response' }));
  expect(channels).toEqual([]);
});
