/** OAuth 2.0 for browser-based applications, as far as one process goes. */
import { readFileSync } from 'node:fs';
import * as tokenkeep from 'tokenkeep';
import { testClock } from 'tokenkeep/testing';
import { expect, test, vi } from 'vitest';
import { openManager } from '../support/open-manager.ts';
import { rejection } from '../support/promises.ts';
import { wire } from '../support/wire.ts';
import { api, as, client, done, granting, refresh } from './support/client.ts';

/** The error of a browser when CORS, an extension or the network forbids a response. */
const hidden = () => {
  throw new TypeError('Failed to fetch');
};

test('BBA-04: an answer that the browser hides says nothing about the token', async () => {
  const net = wire({ [as.tokenEndpoint]: granting(), [api]: hidden });
  const manager = await client(net);
  await expect(manager.fetch(api)).rejects.toThrow('Failed to fetch');
  expect(net.sent.map(({ url }) => url)).toEqual([api]);
  expect(await manager.getAccessToken()).toBe('access-0');
});

test('BBA-04: … nor about the session, when it is the answer of the token endpoint', async () => {
  const clock = testClock();
  const net = wire({ [as.tokenEndpoint]: hidden });
  const manager = await client(net, { clock });
  await clock.advance(400_000);
  expect(await rejection(manager.fetch(api))).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: true });
  expect((await manager.getTokens())?.refreshToken).toBe('refresh-0');
});

test('BBA-05: cookies are written by nobody here, and no storage for them is offered', async () => {
  const written: unknown[] = [];
  const document = {
    baseURI: 'https://app.test/',
    set cookie(value: unknown) {
      written.push(value);
    },
  };
  vi.stubGlobal('document', document);
  const net = wire({ [as.tokenEndpoint]: granting(), [as.revocationEndpoint]: done, [api]: done });
  const manager = await client(net);
  await manager.fetch(api);
  await refresh(manager);
  await manager.signOut();
  expect(net.sent).toHaveLength(3);
  expect(written).toEqual([]);
  expect(Object.keys(tokenkeep).filter((name) => /cookie/i.test(name))).toEqual([]);
});

test('BBA-07: tokens are in memory unless another storage is asked for', async () => {
  const touched: string[] = [];
  for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'caches', 'cookieStore']) {
    const touch = () => {
      touched.push(name);
      return undefined;
    };
    vi.stubGlobal(
      name,
      new Proxy({}, { get: touch, set: () => Boolean(touch()), has: () => Boolean(touch()) }),
    );
  }
  const net = wire({ [as.tokenEndpoint]: granting(), [as.revocationEndpoint]: done, [api]: done });
  const manager = await client(net);
  await manager.fetch(api);
  await refresh(manager);
  await manager.signOut();
  expect(touched).toEqual([]);
});

test('BBA-07: nothing of the session can be reached from the manager', async () => {
  const manager = await client(wire({}));
  const members = Reflect.ownKeys(manager).map((key) => Reflect.get(manager, key));
  expect(Reflect.ownKeys(manager)).toEqual(['fetch']);
  expect(JSON.stringify([manager, members])).not.toMatch(/access-0|refresh-0/);
});

/** The statements about a storage where it is chosen: in the README, and beside its code. */
function said(storage: string): { readme: string; doc: string } {
  const rows = readFileSync('README.md', 'utf8').split('\n');
  const file = storage.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const source = readFileSync(`src/browser/${file}.ts`, 'utf8');
  const doc =
    source
      .slice(0, source.indexOf(`export function ${storage}(`))
      .split('/**')
      .at(-1) ?? '';
  return {
    readme: rows.find((row) => row.startsWith(`| \`${storage}(`)) ?? '',
    doc: doc.replace(/\s+\*\s/g, ' '),
  };
}

test.each(['indexedDbStorage', 'webStorage'])(
  'BBA-08: that %s does not stop injected script is said where it is chosen',
  (storage) => {
    const { readme, doc } = said(storage);
    expect(readme).toContain('scripts of this origin');
    expect(doc).toMatch(/\*\*Who can read it:\*\* all script of this origin/);
  },
);

test('BBA-09: that nothing is encrypted at rest unless asked for, and what that is good for, is said where it is chosen', () => {
  for (const storage of ['indexedDbStorage', 'webStorage']) {
    expect(said(storage).readme).toMatch(/anyone who can read the profile/);
    expect(said(storage).doc).toMatch(/anyone who can read (the|the browser) .*profile/);
  }
  expect(said('indexedDbStorage').doc).toMatch(/does \*\*not\*\* protect from script that runs in/);
});

test('BBA-10: a place can have a token of its own, for one resource and a part of the scope', async () => {
  const { manager, server } = await openManager({
    manager: {
      protectedResources: [
        { url: 'https://api.test/reports', scope: ['read'], resource: 'https://api.test/reports' },
        'https://api.test/',
      ],
    },
  });
  const report = await (await manager.fetch('https://api.test/reports')).json();
  expect(report.scope).toEqual(['read']);
  const stray = await server.fetch(api, {
    headers: { authorization: `Bearer ${server.currentAccessToken()}` },
  });
  expect(stray.status).toBe(401); // it is good for the reports only
});

test('BBA-12: a token with more scope than requested is never returned, even if it is available', async () => {
  const { server, manager } = await openManager();
  const whole = await manager.getAccessToken();
  const narrow = await manager.getAccessToken({ scope: ['read'] });
  const other = await manager.getAccessToken({ scope: ['write'] });
  expect(new Set([whole, narrow, other]).size).toBe(3);
  expect(await manager.getAccessToken({ scope: ['read'] })).toBe(narrow);
  expect(await manager.getAccessToken()).toBe(whole);
  const echo = await server.fetch(api, { headers: { authorization: `Bearer ${narrow}` } });
  expect((await echo.json()).scope).toEqual(['read']);
  expect(server.counts.refreshes).toBe(2);
});

test('BBA-11: that DPoP makes stolen tokens worthless and does not stop injected script is said where it is chosen', () => {
  const source = readFileSync('src/dpop/dpop.ts', 'utf8').replace(/\s+\*\s/g, ' ');
  expect(source).toContain(
    'does not stop a malicious script in the page, which can request signatures like the page itself.',
  );
  const security = readFileSync('SECURITY.md', 'utf8');
  expect(security).toMatch(
    /\| A stolen token of a session with `dpop\(\)`.*a script in the page can have requests signed/,
  );
});
