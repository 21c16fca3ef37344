import { readFileSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { ConfigurationError } from 'tokenkeep';
import { electronStorage } from 'tokenkeep/electron';
import { register, storageConformance } from 'tokenkeep/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { conformanceTimeout } from '../../support/conformance-timeout.ts';
import { SafeStorageDouble } from '../../support/electron/safe-storage-double.ts';
import { openManager } from '../../support/open-manager.ts';
import { Files, storageFixture } from './support/electron-fixture.ts';

let files: Files;
let electron: SafeStorageDouble;
beforeEach(() => {
  files = new Files();
  electron = new SafeStorageDouble();
});
afterEach(async () => {
  files[Symbol.dispose]();
});

describe('with the asynchronous half of safeStorage every law of a storage is kept', () => {
  register(
    test,
    storageConformance(() => {
      const double = new SafeStorageDouble();
      return storageFixture(double, double);
    }, conformanceTimeout),
  );
});

describe('with the older half of safeStorage every law of a storage is kept', () => {
  register(
    test,
    storageConformance(() => {
      const double = new SafeStorageDouble();
      return storageFixture(double.olderHalf, double);
    }, conformanceTimeout),
  );
});

/** The content of the file for a key, as text. */
function sealedOf(key: string): string {
  const database = new DatabaseSync(files.path, { readOnly: true });
  const row = database.prepare('SELECT record FROM records WHERE key = ?').get(JSON.stringify(key));
  database.close();
  return JSON.parse(String(row?.['record'])).sealed;
}

/** Goes on when it is so; a test in which it never is takes too long. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** The kind of key that it was encrypted with. */
const kindOf = (key: string) => Buffer.from(sealedOf(key), 'base64').subarray(0, 3).toString();

describe('the file', () => {
  test('holds no token, and is for its owner only', async () => {
    const storage = files.open(electron);
    await storage.write('key', { refreshToken: 'canary-token' }, undefined);
    for (const name of ['', '-wal']) {
      const path = files.path + name;
      expect(readFileSync(path).includes('canary')).toBe(false);
      expect(readFileSync(path).includes(Buffer.from('canary-token').toString('base64').slice(0, 12))).toBe(
        false,
      );
      expect(statSync(path).mode & 0o777).toBe(0o600);
    }
    expect(kindOf('key')).toBe('v11');
  });

  test('does not give one session the record of another', async () => {
    const storage = files.open(electron);
    await storage.write('mine', { of: 'me' }, undefined);
    await storage.write('yours', { of: 'you' }, undefined);
    storage.close();
    const database = new DatabaseSync(files.path);
    database.exec(
      `UPDATE records SET record = (SELECT record FROM records WHERE key = '"yours"') WHERE key = '"mine"'`,
    );
    database.close();
    expect((await storage.read('mine'))?.record).toBe('sealed, and damaged');
    expect((await storage.read('yours'))?.record).toEqual({ of: 'you' });
  });
});

describe('without a password manager (basic_text)', () => {
  beforeEach(() => {
    electron.hasManager = false;
  });

  test('nothing is read or written, and the error names the remedy', async () => {
    const storage = files.open(electron);
    const refusal = {
      code: 'ERR_STORAGE',
      conflict: false,
      message: expect.stringContaining('allowPlainText: true'),
    };
    await expect(storage.write('key', {}, undefined)).rejects.toMatchObject({
      ...refusal,
      operation: 'write',
    });
    expect(electron.encryptions).toBe(0);
    electron.hasManager = true;
    await storage.write('key', {}, undefined);
    electron.hasManager = false;
    await expect(storage.read('key')).rejects.toMatchObject({ ...refusal, operation: 'read' });
  });

  test('the same where safeStorage does not say what it uses: its ciphertext does', async () => {
    const silent = Object.assign(electron, { getSelectedStorageBackend: undefined as never });
    await expect(files.open(silent).write('key', {}, undefined)).rejects.toThrow('allowPlainText: true');
  });

  test('it works if that is allowed, and what was written is encrypted properly as soon as that is possible', async () => {
    await files.open(electron, true).write('key', { step: 1 }, undefined);
    expect(kindOf('key')).toBe('v10');
    electron.hasManager = true;
    const storage = files.open(electron);
    const before = await storage.read('key');
    expect(before?.record).toEqual({ step: 1 });
    await until(() => kindOf('key') === 'v11');
    expect(await storage.read('key')).toEqual(before);
  });
});

describe('a key that was replaced (shouldReEncrypt)', () => {
  test('a record that is read is encrypted again at once, under the same version, and no change is reported', async () => {
    const storage = files.open(electron);
    const version = await storage.write('key', { step: 1 }, undefined);
    const before = sealedOf('key');
    electron.replaced = electron.password;
    electron.password = 'the next password';
    let told = 0;
    storage.watch('key', () => told++);
    expect(await storage.read('key')).toEqual({ record: { step: 1 }, version });
    await until(() => sealedOf('key') !== before);
    electron.replaced = undefined;
    expect(await storage.read('key')).toEqual({ record: { step: 1 }, version });
    expect(electron.encryptions).toBe(2);
    expect(told).toBe(0);
    await storage.write('key', { step: 2 }, version);
  });

  test('a record that changed meanwhile is not overwritten with the old one', async () => {
    const storage = files.open(electron);
    const version = await storage.write('key', { step: 1 }, undefined);
    electron.replaced = electron.password;
    electron.password = 'the next password';
    const encryptStringAsync = electron.encryptStringAsync.bind(electron);
    const hold = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    electron.encryptStringAsync = async (text) => {
      electron.encryptStringAsync = encryptStringAsync;
      held.resolve();
      await hold.promise;
      return encryptStringAsync(text);
    };
    await storage.read('key');
    await held.promise;
    const next = await storage.write('key', { step: 2 }, version);
    hold.resolve();
    for (let looks = 0; looks < 5; looks++) {
      expect(await storage.read('key')).toEqual({ record: { step: 2 }, version: next });
    }
  });
});

describe('a session that does not decrypt', () => {
  test('is returned as unreadable if the key is gone, and the next login replaces it', async () => {
    await using opened = await openManager({ manager: { storage: files.open(electron) } });
    const { events, server, open: reopen, call } = opened;
    electron.password = 'of a keychain that was reset';
    const restarted = reopen();
    restarted.on('recordRejected', (event) => events.push({ ...event }));
    await expect(restarted.getAccessToken()).rejects.toMatchObject({ code: 'ERR_LOGIN_REQUIRED' });
    expect(events).toMatchObject([{ type: 'recordRejected', reason: 'key lost' }]);
    await restarted.setTokens(server.signIn());
    expect(await restarted.getAccessToken()).toMatch(/^access-/);
    expect(await call()).toBe(200);
  });

  test('a key that is gone and whose successor decrypts to noise by chance is reported as key lost', async () => {
    await using opened = await openManager({ manager: { storage: files.open(electron) } });
    const { events, open: reopen } = opened;
    electron.decryptStringAsync = async () => ({ result: 'noise \ufffd', shouldReEncrypt: false });
    const restarted = reopen();
    restarted.on('recordRejected', (event) => events.push({ ...event }));
    await expect(restarted.getAccessToken()).rejects.toMatchObject({ code: 'ERR_LOGIN_REQUIRED' });
    expect(events).toMatchObject([{ type: 'recordRejected', reason: 'key lost' }]);
  });

  test('is kept if safeStorage has only lost its password manager for now', async () => {
    const silent = Object.assign(electron, { getSelectedStorageBackend: undefined as never });
    const storage = files.open(silent, true);
    await storage.write('key', { step: 1 }, undefined);
    electron.hasManager = false;
    await expect(storage.read('key')).rejects.toMatchObject({ code: 'ERR_STORAGE', operation: 'read' });
    electron.hasManager = true;
    expect((await storage.read('key'))?.record).toEqual({ step: 1 });
  });
});

describe.each([
  ['before the application is ready', 'isReady'],
  ['while the keyring is locked', 'isOpen'],
] as const)('%s', (_, condition) => {
  test('a call fails with a typed error before anything is sent, and the next one succeeds (N45)', async () => {
    await using opened = await openManager({ manager: { storage: files.open(electron) } });
    const { server, call, events } = opened;
    server.expire();
    electron[condition] = false;
    await expect(call()).rejects.toMatchObject({ code: 'ERR_STORAGE', operation: 'read', conflict: false });
    expect(server.counts.tokenRequests).toBe(0);
    electron[condition] = true;
    expect(await call()).toBe(200);
    expect(server.counts).toMatchObject({ tokenRequests: 1, reuses: 0 });
    expect(events.map(({ type }) => type)).toEqual(['refreshed']);
  });
});

test('a keyring that is locked after the rotation: the tokens are used, kept, and stored when it opens (law commit-before-use, N45)', async () => {
  await using opened = await openManager({ manager: { storage: files.open(electron) } });
  const { server, clock, call, events, open: reopen } = opened;
  server.expire();
  const held = server.hold({ on: 'token', commits: true });
  const calling = call();
  await held.arrived();
  electron.isOpen = false;
  await held();
  expect(await calling).toBe(200);
  expect(events.map(({ type }) => type)).toEqual(['storeFailed', 'refreshed']);
  electron.isOpen = true;
  await clock.advance(60_000);
  await until(() => events.some(({ type }) => type === 'stored'));
  expect((await reopen().getTokens())?.refreshToken).toBe(server.currentRefreshToken());
  expect(server.counts).toMatchObject({ tokenRequests: 1, reuses: 0 });
});

test.each([
  ['path', { path: '' }],
  ['path', { path: 'a\0b' }],
  ['safeStorage', { safeStorage: {} }],
  ['safeStorage', { safeStorage: undefined }],
])('a wrong option %s is refused with its name', (name, wrong) => {
  const options = { safeStorage: electron, path: files.path, ...wrong } as never;
  expect(() => electronStorage(options)).toThrow(ConfigurationError);
  expect(() => electronStorage(options)).toThrow(`the option ${name} must be`);
});
