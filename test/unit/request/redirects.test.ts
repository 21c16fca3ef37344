import { beforeEach, describe, expect, test, vi } from 'vitest';
import { stubBrowserFetch } from '../../support/browser.ts';
import { api, managerOn, refused, transportThat } from '../../support/transport.ts';

/** An answer to which the platform has followed redirects by itself. */
function followed(response: Response, url: string): Response {
  Object.defineProperty(response, 'redirected', { value: true });
  return Object.defineProperty(response, 'url', { value: url });
}

describe('in a browser, where a redirect that is not followed does not show where it leads', () => {
  beforeEach(() => {
    stubBrowserFetch();
    vi.stubGlobal('document', { baseURI: 'https://app.example.com/page' });
  });

  test('the platform follows', async () => {
    const transport = transportThat(() => followed(new Response('fine'), 'https://other.example.com/'));
    const manager = await managerOn(transport);
    const answer = await manager.fetch(api);
    expect([answer.redirected, answer.url]).toEqual([true, 'https://other.example.com/']);
    expect(transport.calls[0]?.init?.redirect).toBeUndefined();
  });

  test.each([
    ['another origin', 'https://other.example.com/v1'],
    ['another path', 'https://api.example.com/v10'],
  ])('a 401 from %s refreshes nothing, for no token was sent there', async (_name, url) => {
    const predicate = vi.fn(() => true);
    const transport = transportThat(() => followed(refused(), url));
    const manager = await managerOn(transport, { isInvalidToken: predicate });
    expect((await manager.fetch(api)).status).toBe(401);
    expect([transport.calls.length, transport.grants.length]).toEqual([1, 0]);
    expect(predicate).not.toHaveBeenCalled();
  });

  test('a 401 from the same place is one', async () => {
    const transport = transportThat(({ authorization }) =>
      authorization === 'Bearer access-0' ? followed(refused(), `${api}/moved`) : new Response('fine'),
    );
    const manager = await managerOn(transport);
    expect((await manager.fetch(api)).status).toBe(200);
    expect(transport.grants).toHaveLength(1);
  });

  test('an opaque redirect that the caller asked for arrives as it is', async () => {
    const answer = opaque();
    const manager = await managerOn(transportThat(() => answer));
    expect(await manager.fetch(api, { redirect: 'manual' })).toBe(answer);
  });

  test('a relative URL is one of the page', async () => {
    const transport = transportThat(() => new Response('fine'));
    vi.stubGlobal('document', { baseURI: 'https://api.example.com/v1/page' });
    const manager = await managerOn(transport);
    await manager.fetch('orders');
    await manager.fetch('/elsewhere');
    expect(transport.calls.map(({ authorization }) => authorization)).toEqual(['Bearer access-0', null]);
  });
});

/** The response of browsers to a redirected request with `redirect: 'manual'`. */
const opaque = () =>
  Object.defineProperties(new Response(null), { type: { value: 'opaqueredirect' }, status: { value: 0 } });

describe('on a transport that hides redirects although it should not', () => {
  const hiding = () =>
    transportThat(({ init }) =>
      init?.redirect === 'manual' ? opaque() : followed(new Response('fine'), 'https://other.example.com/'),
    );

  test.each(['GET', 'head'])(
    'a %s is sent again for the transport to follow, and the next one at once',
    async (method) => {
      const transport = hiding();
      const manager = await managerOn(transport);
      const answer = await manager.fetch(api, { method });
      expect([answer.redirected, answer.url]).toEqual([true, 'https://other.example.com/']);
      expect(transport.calls.map(({ init }) => init?.redirect)).toEqual(['manual', 'follow']);
      expect(transport.calls.map(({ authorization }) => authorization)).toEqual(
        Array(2).fill('Bearer access-0'),
      );
      await manager.fetch(api);
      expect(transport.calls[2]?.init?.redirect).toBeUndefined();
    },
  );

  test('a Request is sent again with its own headers', async () => {
    const transport = hiding();
    const manager = await managerOn(transport);
    await manager.fetch(new Request(api, { headers: { 'x-mine': '1' } }));
    const again = transport.calls[1]?.init?.headers;
    expect(new Headers(again).get('x-mine')).toBe('1');
  });

  test('a POST, which may have had an effect, is not sent again and rejects', async () => {
    const transport = hiding();
    const manager = await managerOn(transport);
    const error = await manager.fetch(api, { method: 'POST', body: 'x' }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ cause: { message: expect.stringContaining('opaqueredirect') } });
    expect(transport.calls).toHaveLength(1);
  });
});

describe('in Node with a DOM, whose fetch shows redirects', () => {
  beforeEach(() => {
    vi.stubGlobal('document', { baseURI: 'https://api.example.com/' });
    vi.stubGlobal('importScripts', () => undefined);
  });

  test('K7a: no token reaches a path of the same origin that was not named', async () => {
    const transport = transportThat(({ url }) =>
      url === api
        ? new Response(null, { status: 302, headers: { location: '/elsewhere' } })
        : new Response('fine'),
    );
    const manager = await managerOn(transport);
    expect((await manager.fetch(api)).url).toBe('');
    expect(transport.calls.map(({ authorization }) => authorization)).toEqual(['Bearer access-0', null]);
    expect(transport.calls[0]?.init?.redirect).toBe('manual');
  });
});

describe('where it does show', () => {
  test('a redirect is one hop of its own, which the caller sees as fetch would show it', async () => {
    const cancelled = vi.fn();
    const transport = transportThat(({ url }) =>
      url === api
        ? new Response(new ReadableStream({ cancel: cancelled }), {
            status: 302,
            headers: { location: 'v1/there' },
          })
        : new Response('fine'),
    );
    const manager = await managerOn(transport);
    const answer = await manager.fetch(api, { headers: { 'x-mine': '1' } });
    expect(answer.redirected).toBe(true);
    expect(transport.calls.map(({ init }) => init?.redirect)).toEqual(['manual', 'manual']);
    expect(transport.calls.map(({ url }) => url)).toEqual([api, `${api}/there`]);
    expect(cancelled).toHaveBeenCalledTimes(1);
  });

  test('a place without a token gets the redirect mode of the caller, and its own headers', async () => {
    const transport = transportThat(({ url }) =>
      url === api
        ? new Response(null, { status: 307, headers: { location: 'https://other.example.com/' } })
        : new Response('fine'),
    );
    const manager = await managerOn(transport);
    await manager.fetch(api, { method: 'POST', body: 'x', redirect: 'follow', signal: null });
    const { init, authorization } = transport.calls[1] ?? {};
    expect([authorization, init?.method, init?.body, init?.redirect ?? 'follow']).toEqual([
      null,
      'POST',
      'x',
      'follow',
    ]);
  });

  test('an aborted Request is aborted on its way as well', async () => {
    const controller = new AbortController();
    const transport = transportThat(({ url, init, input }) => {
      const signal = init?.signal ?? (input as Request).signal;
      if (url !== api) return Promise.reject(signal?.reason);
      controller.abort('gone');
      return new Response(null, { status: 302, headers: { location: '/v1/there' } });
    });
    const manager = await managerOn(transport);
    const call = manager.fetch(new Request(api, { signal: controller.signal }));
    await expect(call).rejects.toBe('gone');
  });
});

// Cloudflare's, before the compatibility date 2025-09-01, takes the token along wherever a redirect leads.
test('law tokens-stay-home: a server that calls itself a worker is no browser: its platform follows nothing with a token', async () => {
  vi.stubGlobal('WorkerGlobalScope', class {});
  const elsewhere = 'https://other.example.com/';
  const transport = transportThat(({ authorization }) =>
    authorization === null ? new Response('fine') : Response.redirect(elsewhere),
  );
  const manager = await managerOn(transport);
  const answer = await manager.fetch(api);
  expect([answer.status, answer.redirected]).toEqual([200, true]);
  expect(transport.calls.map(({ init }) => init?.redirect)).toEqual(['manual', undefined]);
  expect(transport.calls.map(({ authorization }) => authorization)).toEqual(['Bearer access-0', null]);
});

describe('a transport that follows redirects and reports only the final URL', () => {
  const from = (url: string) => Object.defineProperty(refused(), 'url', { value: url });

  test.each([
    ['another origin', 'https://other.example.com/v1', 0],
    ['another path of the origin', 'https://api.example.com/v10', 0],
    ['the URL that was asked', api, 1],
    ['that URL with a fragment', `${api}#part`, 1],
    ['another place of the same resource', `${api}/moved`, 1],
    ['nowhere', '', 1],
    ['what is no URL', '/v1', 1],
  ])('a 401 from %s', async (_name, url, refreshes) => {
    const predicate = vi.fn(() => false);
    const transport = transportThat(() => from(url));
    const manager = await managerOn(transport, { isInvalidToken: predicate });
    expect((await manager.fetch(api)).status).toBe(401);
    expect(transport.grants).toHaveLength(refreshes);
    expect(predicate).toHaveBeenCalledTimes(refreshes * 2);
  });

  test('but one that declares that it follows none, such as a proxy, may use another URL', async () => {
    const transport = transportThat(() => from('http://localhost:3000/v1'));
    const manager = await managerOn({ fetch: Object.assign(transport.fetch, { redirects: 'manual' }) });
    await manager.fetch(api);
    expect(transport.grants).toHaveLength(1);
  });
});

describe('integrity is that of the last response, not of a redirect', () => {
  const hashes = {
    fine: 'sha256-0UpYuugEorgLW3agECOciP/KH8eVGpD46RMb7aHiPBs=',
    other: 'sha256-AAAAuugEorgLW3agECOciP/KH8eVGpD46RMb7aHiPBs=',
  };
  /** Like undici, it checks every response, also a redirect that it does not follow. */
  const redirecting = (isRedirected: boolean) =>
    transportThat(({ init, input }, count) => {
      const isChecked = Boolean(init?.integrity ?? (input as Request).integrity);
      if (isRedirected && count === 1) {
        if (isChecked) return Promise.reject(new TypeError('fetch failed'));
        return new Response('', { status: 302, headers: { location: '/v1/there' } });
      }
      return new Response('fine');
    });

  test.each([
    [hashes.fine, true],
    [`${hashes.other} ${hashes.fine}`, true],
    [`sha1-x ${hashes.fine}?option`, true],
    ['sha1-x', true],
    ['', true],
    [hashes.fine.replace('/', '_').replace('=', ''), true],
    [hashes.other, false],
    ['sha256-ä', false],
    [`${hashes.fine} SHA384-ä`, false],
    [`${hashes.fine} sha512-${'A'.repeat(86)}==`, false],
  ])('%j', async (integrity, fits) => {
    const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode('fine'));
    expect(hashes.fine).toBe(`sha256-${Buffer.from(hash).toString('base64')}`);
    for (const isRedirected of [true, false]) {
      const manager = await managerOn(redirecting(isRedirected));
      for (const call of [
        () => manager.fetch(api, { integrity }),
        () => manager.fetch(new Request(api, { integrity })),
      ]) {
        const response = await call().catch((error: unknown) => error);
        if (fits) expect(await (response as Response).text()).toBe('fine');
        else expect(response).toBeInstanceOf(TypeError);
      }
    }
  });
});
