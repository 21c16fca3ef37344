/** The playground's own server: `npm run playground` as a user runs it, and who may talk to it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSite, type Site } from '../../../examples/playground/site.ts';
import type { Stage } from '../../../examples/playground/stage.ts';
import { requireBuild } from '../../support/package/built.ts';

let site: Site;
beforeAll(async () => {
  requireBuild();
  site = await openSite();
});
afterAll(() => site?.close());

/** A stage, as the page opens it. */
async function open(): Promise<{ id: string; stage: Stage; leave: () => void }> {
  const page = new AbortController();
  const before = new Set(site.stages.keys());
  const response = await fetch(`${site.url}stage`, { signal: page.signal });
  await response.body?.getReader().read();
  const [id, stage] = [...site.stages].find(([name]) => !before.has(name)) ?? [];
  if (id === undefined || stage === undefined) throw new Error('There is no stage.');
  return { id, stage, leave: () => page.abort() };
}

test('npm run playground prints where the page is, and the page is there', async () => {
  const child = spawn(process.execPath, ['examples/playground/main.ts', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const [chunk] = await once(child.stdout, 'data');
  const [url = ''] = /http:\/\/127\.0\.0\.1:\d+\//.exec(String(chunk)) ?? [];
  const page = await fetch(url);
  expect(page.status).toBe(200);
  expect(await page.text()).toContain('<h1>');
  const { status, headers } = await fetch(url.replace('127.0.0.1', 'localhost'), { redirect: 'manual' });
  expect([status, headers.get('location')]).toEqual([302, url.slice(0, -1)]);
  child.kill();
  await exit;
});

test('everything that the page names is served here, and the page may get nothing from elsewhere', async () => {
  for (const path of ['', 'tab']) {
    const page = await fetch(site.url + path);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
    const named = [...(await page.text()).matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, name = '']) => name);
    const loaded = named.filter((name) => !/^(data:|https:\/\/github\.com\/)/.test(name));
    expect(loaded.length).toBeGreaterThan(1);
    for (const name of loaded)
      expect([name, (await fetch(new URL(name, site.url))).status]).toEqual([name, 200]);
  }
});

test('another site cannot do anything to a session: not by name, not by script', async () => {
  const { id, leave } = await open();
  const { port } = new URL(site.url);
  const renamed = request({
    host: '127.0.0.1',
    port,
    path: '/',
    headers: { host: `evil.example:${port}` },
  }).end();
  const [answer] = await once(renamed, 'response');
  expect(answer.statusCode).toBe(421);
  answer.resume();
  for (const origin of ['http://evil.example', 'null', undefined]) {
    const headers = origin === undefined ? {} : { origin };
    const response = await fetch(`${site.url}stage/${id}/sign-in`, { method: 'POST', headers });
    expect([origin, response.status]).toEqual([origin, 403]);
  }
  leave();
});

test('a line that is cut is dead for existing and new clients; the servers behind it live, and are gone with the page', async () => {
  const { stage, leave } = await open();
  const { api } = stage.wiring;
  const socket = connect(Number(new URL(api).port), '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nhost: api\r\n\r\n');
  expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 401 /);
  socket.write('POST / HTTP/1.1\r\nhost: api\r\ncontent-length: 9\r\n\r\nhalf'); // in the middle of a request
  const closed = new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve));
  await stage.act('offline');
  await closed;
  await expect(fetch(api)).rejects.toThrow('fetch failed');
  await stage.act('online');
  expect((await fetch(api)).status).toBe(401);
  leave();
  await expect.poll(() => site.stages.size).toBe(0);
  await expect
    .poll(() =>
      fetch(api).then(
        () => 'lives',
        () => 'gone',
      ),
    )
    .toBe('gone');
});
