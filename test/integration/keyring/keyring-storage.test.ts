/** The keyring of a real Secret Service, and its changes while a session is in it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AsyncEntry } from '@napi-rs/keyring';
import type { TokenStorage } from 'tokenkeep';
import { type KeyringStorage, type KeyringStorageOptions, keyringStorage } from 'tokenkeep/node';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openManager } from '../../support/open-manager.ts';
import { bundledProgram } from '../../support/processes/program.ts';
import { SecretService } from '../../support/servers/secret-service.ts';
import type { Death } from './support/dying-writer.ts';
import { placeIn } from './support/keyring-fixture.ts';

let ring: SecretService;
const storages: KeyringStorage[] = [];
beforeAll(async () => {
  ring = await SecretService.start();
});
afterEach(async () => {
  for (const storage of storages.splice(0)) storage.close();
});
afterAll(() => ring?.[Symbol.asyncDispose]());

function open(place: KeyringStorageOptions): KeyringStorage {
  const storage = keyringStorage(place);
  storages.push(storage);
  return storage;
}

function entry({ service }: KeyringStorageOptions, account: string): AsyncEntry {
  return new AsyncEntry(service, account, { linux: { store: 'secret-service' } });
}

/** Everything in the directory beside the keyring. */
function filesOf({ directory }: KeyringStorageOptions): { path: string; bytes: Buffer }[] {
  return readdirSync(directory as string)
    .map((name) => join(directory as string, name))
    .map((path) => ({ path, bytes: readFileSync(path) }));
}

/** Goes on when it is so; a test in which it never is takes too long. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe.each(['keyring', 'file'] as const)("records: '%s'", (records) => {
  test('no token is in the directory, which is for its owner only', async () => {
    const place = placeIn(ring, records);
    const storage = open(place);
    const version = await storage.write('client/default', { refreshToken: 'canary-token-1' }, undefined);
    await storage.write('client/default', { refreshToken: 'canary-token-2' }, version);
    const files = filesOf(place);
    expect(files.length).toBeGreaterThan(0);
    for (const { path, bytes } of files) {
      expect(bytes.includes('canary'), path).toBe(false);
      expect(bytes.includes(Buffer.from('canary-token').toString('base64').slice(2, 12)), path).toBe(false);
      expect(statSync(path).mode & 0o777, path).toBe(0o600);
    }
    expect(statSync(place.directory as string).mode & 0o777).toBe(0o700);
  });

  test('a locked keyring: nothing is sent, no session ends, and the next call succeeds when it is open (N45)', async () => {
    await using opened = await openManager({ manager: { storage: open(placeIn(ring, records)) } });
    const { server, call, events } = opened;
    server.expire();
    await ring.lock();
    await expect(call()).rejects.toMatchObject({
      code: 'ERR_STORAGE',
      operation: 'read',
      message: expect.stringContaining('The keyring is locked. Unlock it.'),
    });
    expect(server.counts.tokenRequests).toBe(0);
    await ring.unlock();
    expect(await call()).toBe(200);
    expect(server.counts).toMatchObject({ tokenRequests: 1, reuses: 0 });
    expect(events.map(({ type }) => type)).toEqual(['refreshed']);
  });

  test('a keyring that is locked after the rotation: the tokens are used, kept, and stored when it opens (law commit-before-use, N45)', async () => {
    await using opened = await openManager({ manager: { storage: open(placeIn(ring, records)) } });
    const { server, clock, call, events, open: reopen } = opened;
    server.expire();
    const held = server.hold({ commits: true });
    const calling = call();
    await held.arrived();
    await ring.lock();
    await held();
    expect(await calling).toBe(200);
    expect(events.map(({ type }) => type)).toEqual(['storeFailed', 'refreshed']);
    await ring.unlock();
    await clock.advance(60_000);
    await until(() => events.some(({ type }) => type === 'stored'));
    expect((await reopen().getTokens())?.refreshToken).toBe(server.currentRefreshToken());
    expect(server.counts).toMatchObject({ tokenRequests: 1, reuses: 0 });
  });

  test('a keyring whose daemon was killed and started again is used on', async () => {
    const storage = open(placeIn(ring, records));
    const version = await storage.write('key', { step: 1 }, undefined);
    await ring.killRing();
    await ring.startRing(true);
    expect(await storage.read('key')).toEqual({ record: { step: 1 }, version });
    await storage.write('key', { step: 2 }, version);
  });
});

describe('in the keyring', () => {
  test('a record is an entry that people can recognise, and that signs out when they delete it', async () => {
    const place = placeIn(ring);
    const storage = open(place);
    const version = await storage.write('my-client/default', { step: 1 }, undefined);
    const text = await entry(place, 'my-client/default').getPassword();
    expect(JSON.parse(text ?? '')).toEqual({ tokenkeep: 1, version, record: { step: 1 } });
    let told = 0;
    storage.watch('my-client/default', () => told++);
    await entry(place, 'my-client/default').deletePassword();
    expect(await storage.read('my-client/default')).toBeUndefined();
    await until(() => told === 1);
    await expect(storage.delete('my-client/default', version)).rejects.toMatchObject({ conflict: true });
    await storage.write('my-client/default', { step: 2 }, undefined);
  });

  test.each(['no JSON', '{"tokenkeep":2}', '{"tokenkeep":1,"record":{}}', '7'])(
    'a foreign record is returned as it is, and can be replaced: %s',
    async (text) => {
      const place = placeIn(ring);
      const storage = open(place);
      await entry(place, 'key').setPassword(text);
      const stored = await storage.read('key');
      expect(stored?.record).toBe(text);
      await expect(storage.write('key', {}, undefined)).rejects.toMatchObject({ conflict: true });
      await storage.write('key', { step: 1 }, stored?.version);
      expect((await storage.read('key'))?.record).toEqual({ step: 1 });
    },
  );
});

describe('in a file whose key is in the keyring', () => {
  /** Changes what is stored under a key, as someone does who can write the file. */
  function tamper({ directory }: KeyringStorageOptions, key: string, change: (sealed: Buffer) => void): void {
    const [name] = readdirSync(directory as string).filter((name) => /^[\da-f]{32}$/.test(name));
    const database = new DatabaseSync(join(directory as string, name as string));
    const row = database.prepare('SELECT record FROM records WHERE key = ?').get(JSON.stringify(key));
    const sealed = Buffer.from(JSON.parse(String(row?.['record'])).sealed, 'base64');
    change(sealed);
    const record = JSON.stringify({ sealed: sealed.toString('base64') });
    database.prepare('UPDATE records SET record = ? WHERE key = ?').run(record, JSON.stringify(key));
    database.close();
  }

  const unreadable = 'sealed, and damaged';

  test('the same record looks different each time', async () => {
    const place = placeIn(ring, 'file');
    const storage = open(place);
    const seen = new Set<string>();
    let version = await storage.write('key', { step: 1 }, undefined);
    for (let count = 0; count < 3; count++) {
      version = await storage.write('key', { step: 1 }, version);
      seen.add(
        filesOf(place)
          .map(({ bytes }) => bytes.toString('base64'))
          .join(),
      );
    }
    expect(seen.size).toBe(3);
  });

  test('a record does not open in the place of another, nor after a change of one bit', async () => {
    const place = placeIn(ring, 'file');
    const storage = open(place);
    await storage.write('one', { of: 'me' }, undefined);
    await storage.write('two', { of: 'me' }, undefined);
    storage.close();
    let other = Buffer.alloc(0);
    tamper(place, 'one', (sealed) => {
      other = Buffer.from(sealed);
    });
    tamper(place, 'two', (sealed) => void other.copy(sealed));
    expect((await storage.read('two'))?.record).toBe(unreadable);
    expect((await storage.read('one'))?.record).toEqual({ of: 'me' });
    for (const at of [8, 19, 20, 35, 36, other.length - 1]) {
      storage.close();
      const flip = (sealed: Buffer) => void sealed.writeUInt8(sealed.readUInt8(at) ^ 1, at);
      tamper(place, 'one', flip);
      expect((await storage.read('one'))?.record, `bit of byte ${at}`).toBe(unreadable);
      storage.close();
      tamper(place, 'one', flip);
    }
    expect((await storage.read('one'))?.record).toEqual({ of: 'me' });
  });

  test.each(['', 'AAAA', 'not base64 at all!'])(
    'a text that is too short or not encrypted is unreadable: "%s"',
    async (sealed) => {
      const place = placeIn(ring, 'file');
      const storage = open(place);
      await storage.write('key', {}, undefined);
      const [name] = readdirSync(place.directory as string).filter((name) => /^[\da-f]{32}$/.test(name));
      const database = new DatabaseSync(join(place.directory as string, name as string));
      database.prepare('UPDATE records SET record = ?').run(JSON.stringify({ sealed }));
      database.close();
      expect((await storage.read('key'))?.record).toBe(unreadable);
    },
  );

  test.each([
    ['deleted by hand', () => undefined],
    [
      'replaced after a reset of the keyring',
      (storage: TokenStorage) => storage.write('of another', {}, undefined),
    ],
  ])(
    'a key that was %s: the session is reported as key lost, and the next login replaces it',
    async (_, then) => {
      const place = placeIn(ring, 'file');
      const storage = open(place);
      await using opened = await openManager({ manager: { storage } });
      const { server, open: reopen } = opened;
      await entry(place, '#key').deletePassword();
      await then(storage);
      const restarted = reopen();
      const reasons: unknown[] = [];
      restarted.on('recordRejected', ({ reason }) => reasons.push(reason));
      await expect(restarted.getAccessToken()).rejects.toMatchObject({ code: 'ERR_LOGIN_REQUIRED' });
      expect(reasons).toEqual(['key lost']);
      await restarted.setTokens(server.signIn());
      expect((await reopen().getTokens())?.refreshToken).toBe(server.currentRefreshToken());
    },
  );

  test('a key that is not ours is not used, and not replaced', async () => {
    const place = placeIn(ring, 'file');
    await entry(place, '#key').setPassword('hunter2');
    const storage = open(place);
    await expect(storage.write('key', {}, undefined)).rejects.toThrow(
      'was not written by tokenkeep. Choose another service.',
    );
    expect(await entry(place, '#key').getPassword()).toBe('hunter2');
  });
});

const writer = await bundledProgram(new URL('support/dying-writer.ts', import.meta.url));

describe('a writer that is killed', () => {
  async function dies(place: KeyringStorageOptions, death: Death, version = ''): Promise<void> {
    const parameters = [writer, JSON.stringify(place), JSON.stringify(death), version];
    const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'ignore', 'inherit'] });
    expect((await once(child, 'exit'))[1]).toBe('SIGKILL');
  }

  const deaths: (Death & { leaves: 'old' | 'new' | 'nothing' })[] = [
    { operation: 'write', call: 'getPassword', when: 'before', leaves: 'old' },
    { operation: 'write', call: 'setPassword', when: 'before', leaves: 'old' },
    { operation: 'write', call: 'setPassword', when: 'after', leaves: 'new' },
    { operation: 'delete', call: 'deletePassword', when: 'before', leaves: 'old' },
    { operation: 'delete', call: 'deletePassword', when: 'after', leaves: 'nothing' },
  ];

  test.each(deaths)(
    '$when $call of a $operation leaves $leaves, whole, and others write on',
    async (death) => {
      const place = placeIn(ring);
      const storage = open(place);
      const version = await storage.write('key', { step: 'old' }, undefined);
      await dies(place, death, String(version));
      const stored = await storage.read('key');
      expect(stored?.record).toEqual(death.leaves === 'nothing' ? undefined : { step: death.leaves });
      expect(stored?.version === version).toBe(death.leaves === 'old');
      await storage.write('key', { step: 'next' }, stored?.version);
      expect((await storage.read('key'))?.record).toEqual({ step: 'next' });
    },
  );

  test('at its first write leaves nothing, and that is not taken for something', async () => {
    const place = placeIn(ring);
    const storage = open(place);
    await dies(place, { operation: 'write', call: 'setPassword', when: 'before' });
    expect(await storage.read('key')).toBeUndefined();
    await storage.write('key', { step: 'next' }, undefined);
  });
});
