/** Once there is evidence against an access token, callers that can wait get its successor. */
import { type Fault, faults } from 'tokenkeep/testing';
import { describe, expect, test } from 'vitest';
import { api, openManager } from '../../support/open-manager.ts';
import { deferred, rejection } from '../../support/promises.ts';

const upload = (): RequestInit => {
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('one'));
      controller.close();
    },
  });
  return { method: 'POST', body, duplex: 'half' } as RequestInit;
};

describe('while the refresh because of a 401 is in progress', () => {
  const rejected = async (fault?: Fault) => {
    const scene = await openManager();
    const { server, manager } = scene;
    server.expire();
    if (fault !== undefined) server.fail(fault);
    const held = server.hold({ times: 1 });
    const first = manager.fetch(api);
    await held.arrived();
    return { ...scene, held, first };
  };

  test('calls, uploads that cannot be sent twice and getAccessToken() wait for the new token', async () => {
    const { manager, server, held, first, tokens } = await rejected();
    const calls = [manager.fetch(api), manager.fetch(api, upload())];
    const token = manager.getAccessToken();
    held();
    for (const call of [first, ...calls]) expect((await call).status).toBe(200);
    expect(await token).not.toBe(tokens.access_token);
    expect(server.counts).toMatchObject({ apiRejected: 1, refreshes: 1 });
  });

  test('returns other variants: the evidence is against one token', async () => {
    const { manager, server, held, first } = await rejected();
    held();
    await first;
    const narrow = await manager.getAccessToken({ scope: ['read'] });
    const whole = await manager.getAccessToken();
    const again = server.hold({ times: 1 });
    const next = manager.getAccessToken({ rejectedToken: whole });
    await again.arrived();
    expect(await manager.getAccessToken({ scope: ['read'] })).toBe(narrow);
    again();
    await next;
  });

  test('all waiting callers share its failure, and its failure ends the rejection', async () => {
    const { manager, held, first, tokens, clock } = await rejected(faults.serverError);
    const calls = [first, manager.fetch(api, upload()), manager.getAccessToken()].map(rejection);
    held();
    const errors = await Promise.all(calls);
    for (const error of errors) expect(error).toBe(errors[0]);
    expect(errors[0]).toMatchObject({ code: 'ERR_REFRESH_FAILED' });
    // Another resource may accept it. A caller that knows better passes `rejectedToken`.
    expect(await manager.getAccessToken()).toBe(tokens.access_token);
    await clock.advance(60_000);
    expect((await manager.fetch(api)).status).toBe(200);
  });
});

test('the evidence of a caller that has left counts for the next one', async () => {
  const { server, storage, tokens, open } = await openManager();
  const page = open();
  const gate = deferred();
  storage.before = (operation) => (operation === 'read' ? gate.promise : undefined);
  // It reads the storage, and has no evidence yet.
  const plain = page.getAccessToken();
  const leaving = new AbortController();
  const evidence = rejection(
    page.getAccessToken({ rejectedToken: tokens.access_token, signal: leaving.signal }),
  );
  leaving.abort();
  await evidence;
  gate.resolve();
  expect(await plain).toBe(server.currentAccessToken());
  expect(await plain).not.toBe(tokens.access_token);
  expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
});

test('an API that rejects even the new token does not affect other APIs', async () => {
  const { manager, server, types } = await openManager({
    manager: { protectedResources: ['https://api.test/broken/', api] },
  });
  server.fail(
    { response: { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } } },
    { on: 'api', times: 100, when: ({ path }) => path.startsWith('/broken/') },
  );
  expect((await manager.fetch('https://api.test/broken/')).status).toBe(401);
  const token = await manager.getAccessToken();
  const held = server.hold({ on: 'api', times: 1 });
  const broken = manager.fetch('https://api.test/broken/');
  await held.arrived();
  expect((await manager.fetch(api)).status).toBe(200);
  held();
  expect((await broken).status).toBe(401);
  expect(await manager.getAccessToken()).toBe(token);
  expect(types().filter((type) => type === 'refreshed')).toHaveLength(1);
});

test('a token that was rejected and replaced elsewhere is no reason to wait', async () => {
  const { manager, open, tokens, server } = await openManager();
  const fresh = await open().getAccessToken({ rejectedToken: tokens.access_token });
  expect(await manager.getAccessToken({ rejectedToken: tokens.access_token })).toBe(fresh);
  expect(await manager.getAccessToken()).toBe(fresh);
  expect(server.counts.refreshes).toBe(1);
});
