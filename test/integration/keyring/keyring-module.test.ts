/** How the keyring is asked, by a double of `@napi-rs/keyring`: what other systems do, and failures. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { ConfigurationError } from 'tokenkeep';
import { type KeyringStorage, type KeyringStorageOptions, keyringStorage } from 'tokenkeep/node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KeyringDouble } from './support/keyring-double.ts';

let folder: string;
let keyring: KeyringDouble;
let storages: KeyringStorage[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tokenkeep-keyring-double-'));
  keyring = new KeyringDouble();
  storages = [];
});
afterEach(() => {
  for (const storage of storages) storage.close();
  rmSync(folder, { recursive: true });
});

function open(options: Partial<KeyringStorageOptions> = {}): KeyringStorage {
  const place = { service: 'my-cli', directory: join(folder, 'state'), keyring: keyring.module };
  const storage = keyringStorage({ ...place, ...options });
  storages.push(storage);
  return storage;
}

test('the real store is asked for, never the keyring of the kernel', async () => {
  await open().read('key');
  expect(keyring.options).toEqual({ linux: { store: 'secret-service' } });
});

test('keys that people can read are accounts as they are; what systems would change is not', async () => {
  const storage = open();
  for (const key of ['my-client/default', 'My-Client/default', 'ž', '#key', '#open', 'x'.repeat(200)]) {
    await storage.write(key, {}, undefined);
  }
  const accounts = [...keyring.entries.keys()];
  expect(accounts[0]).toBe('my-cli/my-client/default');
  for (const account of accounts.slice(1)) expect(account).toMatch(/^my-cli\/#[\da-f]{64}$/);
  expect(new Set(accounts.map((account) => account.toLowerCase())).size).toBe(6);
});

describe('a keyring of small entries, like that of Windows', () => {
  const record = { text: 'x'.repeat(200_000) };

  test("takes records of any size with records: 'file', which is the default there", async () => {
    keyring.limit = 1280;
    const storage = open({ records: 'file' });
    const version = await storage.write('key', record, undefined);
    expect(await storage.read('key')).toEqual({ record, version });
    for (const text of keyring.entries.values()) expect(text.length).toBeLessThan(100);
  });

  test('and says what to do without it, with nothing changed', async () => {
    const storage = open({ records: 'keyring' });
    const version = await storage.write('key', { step: 1 }, undefined);
    keyring.limit = 1280;
    await expect(storage.write('key', record, version)).rejects.toThrow("Set the option records: 'file'.");
    expect(await storage.read('key')).toEqual({ record: { step: 1 }, version });
  });
});

describe('a call that fails', () => {
  test.each([
    [
      "Couldn't access platform storage: Secret Service: unlock prompt was dismissed",
      'The keyring is locked.',
    ],
    ['Platform failure: DBus error: Failed to connect to socket /run/bus', 'No keyring service responds.'],
    ['DBus error: The maximum number of active connections for UID 0 has been reached', 'The session bus'],
    ["Couldn't access platform storage: Secret Service: no result found", 'There is no keyring yet'],
    ['The user name or passphrase you entered is not correct. (auth failed)', 'The keyring denies access.'],
    ['Entry is matched by 2 credentials', 'The keyring has several entries of this name.'],
    ['Something that nobody has seen', 'The keyring failed. See the cause.'],
  ])('%s: the error says what to do', async (message, remedy) => {
    keyring.fails = () => new Error(message);
    const error = await open()
      .read('key')
      .catch((error: unknown) => error);
    expect(error).toMatchObject({ code: 'ERR_STORAGE', operation: 'read', conflict: false });
    expect((error as Error).message).toContain(remedy);
    expect(((error as Error).cause as Error).message).toBe(message);
  });

  test('its error holds nothing of the record', async () => {
    keyring.fails = (call) => {
      return call === 'set' ? new Error('could not store {"refreshToken":"canary-token"}') : undefined;
    };
    const error = await open({ records: 'keyring' })
      .write('key', { refreshToken: 'canary-token' }, undefined)
      .catch((error: unknown) => error);
    const told = inspect(error, { depth: 9, showHidden: true });
    expect(told).toContain('could not store');
    expect(told).not.toContain('canary');
  });

  test('is made once more when the keyring was restarted, and not when a person has to answer', async () => {
    const storage = open();
    await storage.read('key');
    keyring.generation += 1;
    keyring.calls.length = 0;
    await storage.read('key');
    expect(keyring.calls).toEqual(['get my-cli/key', 'get my-cli/key']);
    keyring.fails = () => new Error('unlock prompt was dismissed');
    keyring.calls.length = 0;
    await expect(storage.read('key')).rejects.toThrow('locked');
    expect(keyring.calls).toEqual(['get my-cli/key']);
  });

  test('does not hold up the next one, and one at a time is made', async () => {
    const storage = open();
    let running = 0;
    let most = 0;
    const { AsyncEntry } = keyring.module;
    const slow = class extends AsyncEntry {
      override async getPassword() {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        return await super.getPassword();
      }
    };
    const other = open({ keyring: { AsyncEntry: slow as never } });
    keyring.fails = () => new Error('denied');
    const calls = ['a', 'b', 'c'].map((key) => other.read(key));
    for (const outcome of await Promise.allSettled(calls)) expect(outcome.status).toBe('rejected');
    keyring.fails = () => undefined;
    expect(await other.read('a')).toBeUndefined();
    expect(most).toBe(1);
    expect(await storage.read('a')).toBeUndefined();
  });

  test('a write that the keyring refuses leaves the old record, its version, and no lock', async () => {
    const storage = open({ records: 'keyring' });
    const version = await storage.write('key', { step: 1 }, undefined);
    keyring.fails = (call) => (call === 'set' ? new Error('denied') : undefined);
    await expect(storage.write('key', { step: 2 }, version)).rejects.toMatchObject({ operation: 'write' });
    keyring.fails = () => undefined;
    expect(await storage.read('key')).toEqual({ record: { step: 1 }, version });
    await storage.write('key', { step: 3 }, version);
  });

  test('a keyring that says "written" and keeps nothing seals nothing', async () => {
    const { AsyncEntry } = keyring.module;
    const forgetful = class extends AsyncEntry {
      override async setPassword() {}
    };
    const storage = open({ records: 'file', keyring: { AsyncEntry: forgetful as never } });
    await expect(storage.write('key', {}, undefined)).rejects.toThrow('did not store it');
  });
});

test('a keyring that is asked in many names keeps few connections', async () => {
  const storage = open();
  let made = 0;
  const { AsyncEntry } = keyring.module;
  const counted = class extends AsyncEntry {
    constructor(...parameters: ConstructorParameters<typeof AsyncEntry>) {
      super(...parameters);
      made += 1;
    }
  };
  const other = open({ keyring: { AsyncEntry: counted } });
  for (let count = 0; count < 300; count++) await other.read('key');
  expect(made).toBe(1);
  await storage.read('key');
});

test.each([
  ['service', { service: '' }],
  ['service', { service: undefined }],
  ['service', { service: 'a\0b' }],
  ['records', { records: 'memory' }],
  ['directory', { directory: '' }],
  ['keyring', { keyring: {} }],
])('a wrong option %s is refused with its name', (name, wrong) => {
  const make = () => open(wrong as never);
  expect(make).toThrow(ConfigurationError);
  expect(make).toThrow(`keyringStorage(options): the option ${name} must be`);
});
