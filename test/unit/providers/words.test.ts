/** The fakes say what the documents print, word for word, and every provider has one. */
import { readdirSync, readFileSync } from 'node:fs';
import * as providers from 'tokenkeep/providers';
import { dialects } from 'tokenkeep/testing/dialects';
import { describe, expect, test } from 'vitest';
import * as all from './fixtures/all.ts';
import type { Fixture } from './support/fixture.ts';
import { type ProviderScene, signedIn } from './support/scene.ts';

const fixtures: readonly Fixture[] = Object.values(all);
type Members = Record<string, unknown>;

test('every provider has a dialect, a fixture and its name in the README', () => {
  const names = Object.keys(providers).sort();
  expect(Object.keys(dialects).sort()).toEqual(names);
  expect(Object.keys(all)).toEqual(expect.arrayContaining(names));
  const readme = readFileSync('README.md', 'utf8');
  expect(names.filter((name) => !new RegExp(`\\b${name}\\(`).test(readme))).toEqual([]);
});

test.each([
  { folder: 'src/providers', others: ['address', 'index', 'reuse'] },
  { folder: 'src/testing/dialects', others: ['dialects', 'index'] },
  { folder: 'test/unit/providers/fixtures', others: ['all'] },
])('the files in $folder are in the list beside it', ({ folder, others }) => {
  const files = readdirSync(folder).map((file) => file.replace(/(-dialect)?\.ts$/, ''));
  expect(files.sort()).toEqual([...Object.keys(providers), ...others].sort());
});

describe.each(fixtures)('$name', (fixture) => {
  const { fake, provider } = fixture;

  test('is where its documents say', () => {
    expect(provider).toMatchObject({ tokenEndpoint: fake.tokenEndpoint });
    expect(provider.revocationEndpoint ?? null).toBe(fake.revocationEndpoint);
    // Values that are not the same everywhere come from discovery.
    const issuers = provider.issuer === undefined ? [] : [provider.issuer];
    for (const issuer of issuers) expect(new URL(issuer).protocol).toBe('https:');
  });

  let scene: ProviderScene;

  /** Sends the refresh of the documents, by hand. */
  async function refresh(refreshToken: string): Promise<Response> {
    const [head = '', body = ''] = fixture.refresh.trim().split('\n\n');
    const lines = head.split('\n').slice(1);
    const headers = new Headers(lines.map((line) => line.split(': ', 2) as [string, string]));
    headers.delete('host');
    headers.set('accept', 'application/json');
    const text = body.replaceAll('\n', '').replace('REFRESH_TOKEN', () => refreshToken);
    return await scene.server.fetch(provider.tokenEndpoint, { method: 'POST', headers, body: text });
  }

  test('grants as its documents print it', async () => {
    scene = await signedIn(fixture);
    const response = await refresh(String(scene.server.currentRefreshToken()));
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
    const printed: Members = JSON.parse(fixture.granted);
    const said: Members = await response.json();
    // Tokens, lifetimes and scopes are those of the test; everything else is literal, and in this order.
    for (const name of ['access_token', 'refresh_token', 'expires_in', 'ext_expires_in', 'scope']) {
      if (typeof said[name] === typeof printed[name]) said[name] = printed[name];
    }
    expect(JSON.stringify(said)).toBe(JSON.stringify(printed));
  });

  test('refuses as its documents print it', async () => {
    scene = await signedIn(fixture);
    scene.server.revokeFamily();
    const response = await refresh(String(scene.server.currentRefreshToken()));
    const { status, body } = fixture.refused;
    expect([response.status, await response.text()]).toEqual([status, JSON.stringify(JSON.parse(body))]);
  });

  test('takes its own requests only', async () => {
    scene = await signedIn(fixture);
    const other = fixture.refresh.includes('{"')
      ? 'grant_type=refresh_token'
      : '{"grant_type":"refresh_token"}';
    const headers = {
      'content-type': other.startsWith('{') ? 'application/json' : 'application/x-www-form-urlencoded',
    };
    await scene.server.fetch(provider.tokenEndpoint, { method: 'POST', headers, body: other });
    expect(scene.server.counts).toMatchObject({ tokenRequests: 1, refreshes: 0 });
  });
});

test('GitHub answers with a form to who does not ask for JSON', async () => {
  const { server } = await signedIn(all.github);
  const body = new URLSearchParams({
    ...{ grant_type: 'refresh_token', client_id: 'CLIENT_ID', client_secret: 'CLIENT_SECRET' },
    refresh_token: String(server.currentRefreshToken()),
  });
  const response = await server.fetch(all.github.provider.tokenEndpoint, { method: 'POST', body });
  expect(response.headers.get('content-type')).toBe('application/x-www-form-urlencoded; charset=utf-8');
  expect(await response.text()).toBe(
    `access_token=${server.currentAccessToken()}&expires_in=28800&refresh_token=${server.currentRefreshToken()}` +
      '&refresh_token_expires_in=15811200&scope=&token_type=bearer',
  );
});
