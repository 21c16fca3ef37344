/** The double's format, compared with what a real Chromium on Linux writes: Electron's `safeStorage` is the same code. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { launch } from 'puppeteer-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decrypt, encrypt, knownPassword } from '../../support/electron/chromium-format.ts';
import { SecretService } from '../../support/servers/secret-service.ts';

const programs = { chromium: '/usr/bin/chromium', 'libsecret-tools': '/usr/bin/secret-tool' };
const value = 'a-cookie-of-moderate-length-long-enough-for-several-blocks';

let ring: SecretService;
beforeAll(async () => {
  for (const [name, path] of Object.entries(programs)) {
    if (!existsSync(path)) throw new Error(`${path} is missing. Run: apt-get install ${name}`);
  }
  ring = await SecretService.start();
}, 60_000);
afterAll(() => ring?.[Symbol.asyncDispose]());

test.each([
  { store: 'basic', kind: 'v10', password: () => knownPassword },
  { store: 'gnome-libsecret', kind: 'v11', password: passwordInKeyring },
] as const)(
  'with --password-store=$store Chromium encrypts as the double does for $kind',
  async ({ store, kind, password }) => {
    const { encrypted, host } = await cookieOf(store);
    // Chromium writes the hash of the host before the value.
    const text = Buffer.concat([createHash('sha256').update(host).digest(), Buffer.from(value)]);
    expect(decrypt(encrypted, kind, password())).toEqual(text);
    expect(() => decrypt(encrypted, kind === 'v10' ? 'v11' : 'v10', password())).toThrow();
    expect(() => mustMatch(decrypt(encrypted, kind, 'another password'), text)).toThrow();
    expect(encrypt(text, kind, password())).toEqual(Buffer.from(encrypted));
  },
  60_000,
);

function mustMatch(one: Buffer, other: Buffer): void {
  if (!one.equals(other)) throw new Error('They differ.');
}

/** The entry that Chromium has put into the keyring. */
function passwordInKeyring(): string {
  const lookup = ['lookup', 'application', 'chromium'];
  const { stdout } = spawnSync(programs['libsecret-tools'], lookup, { env: ring.env, encoding: 'utf8' });
  return stdout;
}

/** Lets Chromium keep a cookie, and takes it from its database. */
async function cookieOf(store: string): Promise<{ encrypted: Uint8Array; host: string }> {
  const server = createServer((_, response) => {
    response.setHeader('Set-Cookie', `proof=${value}; Max-Age=3600`);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const userDataDir = join(ring.folder, `chromium-${store}`);
  const browser = await launch({
    executablePath: programs.chromium,
    userDataDir,
    env: ring.env,
    ignoreDefaultArgs: store === 'basic' ? [] : ['--password-store=basic', '--use-mock-keychain'],
    args: ['--no-sandbox', '--disable-quic', '--no-first-run', `--password-store=${store}`],
  });
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${port}/`);
  // Closing writes what is to be kept.
  await browser.close();
  server.close();
  const database = new DatabaseSync(join(userDataDir, 'Default', 'Cookies'), { readOnly: true });
  const row = database.prepare('SELECT host_key, encrypted_value FROM cookies').get();
  database.close();
  return { encrypted: row?.['encrypted_value'] as Uint8Array, host: String(row?.['host_key']) };
}
