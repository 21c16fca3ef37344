/** Law tokens-stay-home with proofs: a redirect to elsewhere carries neither token nor proof; one to a named place gets its own. */
import { expect, test } from 'vitest';
import { noted, openDpopManager, type Sent } from '../../support/open-dpop-manager.ts';
import { wire } from '../../support/wire.ts';

const moved =
  (location: string, status = 307) =>
  () =>
    new Response(null, { status, headers: { location } });
const done = () => new Response('done');

/** The scene's session, on a network of literal answers. */
async function on(places: Parameters<typeof wire>[0], resources: string[] = ['https://api.test/']) {
  const { open } = await openDpopManager();
  const sent: Sent[] = [];
  const fetch = noted(wire(places).fetch, sent);
  return { manager: open({ fetch, protectedResources: resources }), sent };
}

test('to a place that was not named: no token, no proof', async () => {
  const { manager, sent } = await on({
    'https://api.test/a': moved('https://evil.test/b'),
    'https://evil.test/b': done,
  });
  expect(await (await manager.fetch('https://api.test/a')).text()).toBe('done');
  expect(sent.map(({ authorization, proof }) => [authorization !== null, proof !== null])).toEqual([
    [true, true],
    [false, false],
  ]);
});

test('nor with a proof that the caller has set', async () => {
  const { manager, sent } = await on({
    'https://api.test/a': moved('https://evil.test/b'),
    'https://evil.test/b': done,
  });
  await manager.fetch('https://api.test/a', { headers: { dpop: 'mine' } });
  expect(sent[1]?.proof).toBeNull();
});

test('to a named place: a new proof, for its URL and its method', async () => {
  const { manager, sent } = await on(
    {
      'https://api.test/a': moved('https://other.test/b', 303),
      'https://other.test/b': moved('/c?d'),
      'https://other.test/c?d': done,
    },
    ['https://api.test/', 'https://other.test/'],
  );
  await manager.fetch('https://api.test/a', { method: 'POST', body: 'x' });
  expect(sent.map(({ claims }) => [claims['htm'], claims['htu']])).toEqual([
    ['POST', 'https://api.test/a'],
    ['GET', 'https://other.test/b'],
    ['GET', 'https://other.test/c'],
  ]);
  expect(new Set(sent.map(({ claims }) => claims['jti'])).size).toBe(3);
});

test('a nonce that the second place wants costs the first one nothing, and the body arrives whole', async () => {
  const nonce = (_: unknown, count: number) =>
    count > 1
      ? done()
      : new Response(null, {
          status: 401,
          headers: { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'n' },
        });
  const { manager, sent } = await on({
    'https://api.test/a': moved('/b'),
    'https://api.test/b': nonce,
  });
  const answer = await manager.fetch(new Request('https://api.test/a', { method: 'PUT', body: 'all of it' }));
  expect(answer.status).toBe(200);
  expect(sent.map(({ url, body }) => [url, body])).toEqual([
    ['https://api.test/a', 'all of it'],
    ['https://api.test/b', 'all of it'],
    ['https://api.test/b', 'all of it'],
  ]);
});

test('a redirect that a platform has followed by itself proves nothing about the proof', async () => {
  const answered = () => {
    const response = new Response(null, {
      status: 401,
      headers: { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'of another place' },
    });
    Object.defineProperty(response, 'redirected', { value: true });
    Object.defineProperty(response, 'url', { value: 'https://elsewhere.test/' });
    return response;
  };
  const { manager, sent } = await on({ 'https://api.test/a': answered, 'https://api.test/b': done });
  expect((await manager.fetch('https://api.test/a')).status).toBe(401);
  await manager.fetch('https://api.test/b');
  expect(sent.map(({ claims }) => claims['nonce'])).toEqual([undefined, undefined]);
});
