/** Law one-login through a worker: a call belongs to the login that its page knew, even if it reaches the worker late. */

import { memoryStorage, TokenManager } from 'tokenkeep';
import { authorizationServer } from 'tokenkeep/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { optionsFor } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';
import { site } from './support/site.ts';
import { kinds } from './support/workers-double.ts';

afterEach(() => vi.unstubAllGlobals());

const url = 'https://api.test/orders';
const post = { method: 'POST', body: 'one' };
const changed = { code: 'ERR_LOGIN_REQUIRED', reason: 'login_changed' };

/** Workers whose managers share a storage, and pages that may have access tokens. */
function scene(kind: (typeof kinds)[number]) {
  const server = authorizationServer({ scope: ['openid', 'read'] });
  const storage = memoryStorage();
  const managers: TokenManager[] = [];
  const open = () => {
    const manager = new TokenManager({
      ...optionsFor(server),
      storage,
    });
    managers.push(manager);
    return manager;
  };
  const here = site(open, { allowAccessTokens: true }, kind);
  const signIn = (subject: string) => (managers.at(-1) as TokenManager).setTokens(server.signIn({ subject }));
  return { server, here, open, signIn };
}

describe.each(kinds)('a %s worker', (kind) => {
  test('K1a: does not send a POST if Bob signs in before it reaches the worker', async () => {
    const { server, here, signIn } = scene(kind);
    await signIn('alice');
    const page = here.open();
    expect((await page.fetch(url)).status).toBe(200);
    const call = rejection(page.fetch(url, post));
    const token = rejection(page.getAccessToken());
    await signIn('bob');
    expect(await call).toMatchObject(changed);
    expect(await token).toMatchObject(changed);
    expect(server.requests).toHaveLength(1);
    expect((await page.fetch(url, post)).status).toBe(200);
    expect(await page.getAccessToken()).toBe(server.currentAccessToken());
  });

  test('K1a: after a worker crash and Bob’s login elsewhere, the next worker sends no POST of Alice', async () => {
    const { server, here, open, signIn } = scene(kind);
    await signIn('alice');
    const page = here.open();
    expect((await page.fetch(url)).status).toBe(200);
    here.kill();
    await open().setTokens(server.signIn({ subject: 'bob' }));
    const calls = [page.fetch(url, post), page.getAccessToken()].map(rejection);
    for (const call of calls) expect(await call).toMatchObject(changed);
    expect(server.requests).toHaveLength(1);
    expect((await page.fetch(url, post)).status).toBe(200);
  });

  test('K1b: pages receive both users of a new login; K1c: Alice signing in again interrupts no call', async () => {
    const { here, signIn } = scene(kind);
    await signIn('alice');
    const page = here.open();
    const told: unknown[] = [];
    page.on('signedIn', ({ subject, replaced }) => told.push([subject, replaced?.subject]));
    expect((await page.fetch(url)).status).toBe(200);
    const call = page.fetch(url, post);
    await signIn('alice');
    expect((await call).status).toBe(200);
    await signIn('bob');
    await page.getAccessToken().catch(() => undefined);
    expect(told).toEqual([
      ['alice', 'alice'],
      ['bob', 'alice'],
    ]);
  });

  test('a page that signs a user in calls under that login at once, and may name the user', async () => {
    const { server, here, signIn } = scene(kind);
    await signIn('alice');
    const page = here.open();
    expect((await page.fetch(url)).status).toBe(200);
    const { id_token: _, ...tokens } = server.signIn({ subject: 'bob' });
    const told: unknown[] = [];
    page.on('signedIn', ({ subject }) => told.push(subject));
    await page.setTokens(tokens, { subject: 'bob' });
    expect((await page.fetch(url, post)).status).toBe(200);
    expect(told).toEqual(['bob']);
  });
});
