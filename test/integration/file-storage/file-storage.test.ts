import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs, {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ConfigurationError, StorageError } from '../../../src/core/errors.ts';
import { type FileStorage, fileStorage } from '../../../src/node/file-storage.ts';
import { isNetworkFileSystem } from '../../../src/node/network-file-systems.ts';
import { flushPending } from '../../../src/testing/server/test-clock.ts';
import { leftovers } from '../../support/processes/family.ts';
import { type Folder, folder } from '../../support/processes/file-fixture.ts';

let place: Folder;
let storage: FileStorage;
beforeEach(() => {
  place = folder();
  storage = fileStorage({ path: place.file });
  return () => {
    storage.close();
    place[Symbol.dispose]();
  };
});

const canary = 'canary-6b1f0a77';
const modeOf = (path: string): string => (lstatSync(path).mode & 0o777).toString(8);
const modesBelow = (path: string): string[] =>
  readdirSync(path).map((name) => `${name} ${modeOf(join(path, name))}`);
const program = (name: string): string => fileURLToPath(new URL(`support/${name}`, import.meta.url));

/** The error of each operation for a file that it does not use. */
async function complaint(of: FileStorage = storage): Promise<string> {
  const calls = [
    ['read', () => of.read('key')],
    ['write', () => of.write('key', { token: canary }, undefined)],
    ['delete', () => of.delete('key')],
    ['write', () => of.lock.request('name', {}, async () => undefined)],
  ] as const;
  const messages = new Set<string>();
  for (const [operation, call] of calls) {
    const error = await call().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ operation, conflict: false });
    messages.add((error as Error).message);
  }
  expect(messages.size).toBe(1);
  return [...messages].join();
}

describe('files that other users cannot read', () => {
  test.each([undefined, '0', '77', '777'])('is made so, under a umask of %s', (mask) => {
    const options = [program('file-storage-process.ts'), place.file, ...(mask === undefined ? [] : [mask])];
    const { stdout, stderr } = spawnSync(process.execPath, options, { encoding: 'utf8' });
    expect({ stdout, stderr }).toEqual({ stdout: '{"step":2}\n', stderr: '' });
    expect(modeOf(dirname(place.file))).toBe('700');
    expect(modesBelow(dirname(place.file))).toContain('tokens 600');
  });

  test('is as private while it is in use', async () => {
    await storage.write('key', {}, undefined);
    await storage.lock.request('name', {}, async () => {
      const modes = modesBelow(dirname(place.file));
      expect(modes.length).toBe(4);
      expect(modes.filter((one) => !one.endsWith(' 600'))).toEqual([]);
      expect(modes.some((one) => one.startsWith('tokens-lock-'))).toBe(true);
    });
    expect(leftovers(place.file)).toEqual([]);
  });

  test.each([0o644, 0o640, 0o604, 0o620, 0o602])(
    'is refused with mode %o, and used when that is fixed',
    async (mode) => {
      const version = await storage.write('key', { token: canary }, undefined);
      chmodSync(place.file, mode);
      const message = `Others can read ${place.file}. Run: chmod 600 '${place.file}' and, if they may have read it, sign in again.`;
      expect(await complaint()).toBe(message);
      expect(await complaint(fileStorage({ path: place.file }))).toBe(message);
      chmodSync(place.file, 0o600);
      expect(await storage.read('key')).toEqual({ record: { token: canary }, version });
    },
  );

  test.each([0o755, 0o750, 0o701])('is refused in a directory with mode %o', async (mode) => {
    mkdirSync(dirname(place.file));
    chmodSync(dirname(place.file), mode);
    expect(await complaint()).toContain(`Run: chmod 700 '${dirname(place.file)}' or choose`);
    expect(readdirSync(dirname(place.file))).toEqual([]);
    chmodSync(dirname(place.file), 0o700);
    await storage.write('key', {}, undefined);
  });

  test('is refused in a directory that belongs to all, without a remedy that takes it away from them', async () => {
    mkdirSync(dirname(place.file));
    chmodSync(dirname(place.file), 0o777);
    const message = await complaint();
    expect(message).toContain('Choose a separate directory for the tokens');
    expect(message).not.toContain('chmod');
  });

  test('is refused if its log can be read', async () => {
    await storage.write('key', { token: canary }, undefined);
    chmodSync(`${place.file}-wal`, 0o644);
    expect(await complaint(fileStorage({ path: place.file }))).toContain(`chmod 600 '${place.file}-wal'`);
  });

  test('is not kept in a file of another user', async () => {
    await storage.write('key', {}, undefined);
    const getuid = vi.spyOn(process, 'getuid').mockReturnValue(4321);
    expect(await complaint(fileStorage({ path: place.file }))).toContain('this process runs as user 4321');
    getuid.mockReturnValue(1000);
    const { lstatSync: stat } = fs;
    const spy = vi.spyOn(fs, 'lstatSync').mockImplementation(((
      path: string,
      options?: fs.StatSyncOptions,
    ) => {
      const stats = stat(path, options) as fs.Stats;
      if (stats !== undefined) stats.uid = 65_534;
      return stats;
    }) as never);
    syncBuiltinESMExports();
    try {
      expect(await complaint(fileStorage({ path: place.file }))).toContain(
        'Map that user to 1000, as podman does',
      );
    } finally {
      spy.mockRestore();
      getuid.mockRestore();
      syncBuiltinESMExports();
    }
  });

  test('a command that names a path can be pasted into a shell', async () => {
    const odd = join(place.path, "it's $HOME", 'tokens');
    const other = fileStorage({ path: odd });
    await other.write('key', {}, undefined);
    chmodSync(odd, 0o644);
    const [, command] = /Run: (chmod 600 .*) and, if/.exec(await complaint(other)) ?? [];
    spawnSync('sh', ['-c', command ?? 'false']);
    expect(modeOf(odd)).toBe('600');
    other.close();
  });
});

describe('a volume that Kubernetes opens to a group (fsGroup)', () => {
  /** Changes a volume as kubelet does at each start of the container. */
  function start(): void {
    chmodSync(dirname(place.file), 0o2770);
    for (const name of readdirSync(dirname(place.file))) chmodSync(join(dirname(place.file), name), 0o660);
  }

  test('is refused by default with the option that allows it', async () => {
    mkdirSync(dirname(place.file));
    start();
    const words = `is open to the group ${process.getgid?.()}, as Kubernetes makes volumes with fsGroup`;
    expect(await complaint()).toBe(
      `${dirname(place.file)} ${words} at each start. If no one else is in that group, pass allowGroup: true to fileStorage().`,
    );
  });

  test('is used with allowGroup at each start, also if the directory belongs to root', async () => {
    const open = () => fileStorage({ path: place.file, allowGroup: true });
    mkdirSync(dirname(place.file));
    start();
    const first = open();
    const version = await first.write('key', { step: 1 }, undefined);
    first.close();
    start();
    const getuid = vi.spyOn(process, 'getuid').mockReturnValue(4321);
    const getgroups = vi.spyOn(process, 'getgroups').mockReturnValue([lstatSync(place.file).gid]);
    const getgid = vi.spyOn(process, 'getgid').mockReturnValue(4321);
    const second = open();
    expect(await second.read('key')).toEqual({ record: { step: 1 }, version });
    await second.lock.request('name', {}, async () => second.write('key', { step: 2 }, version));
    for (const spy of [getuid, getgroups, getgid]) spy.mockRestore();
    second.close();
  });

  test.each([0o2777, 0o2775])('allows nobody else: mode %o is refused', async (mode) => {
    mkdirSync(dirname(place.file));
    chmodSync(dirname(place.file), mode);
    using other = fileStorage({ path: place.file, allowGroup: true });
    expect(await complaint(other)).toContain('Other users can write to');
  });

  test('a wrong allowGroup is refused with its name', () => {
    const options = { path: place.file, allowGroup: 'yes' as never };
    expect(() => fileStorage(options)).toThrow(ConfigurationError);
    expect(() => fileStorage(options)).toThrow('allowGroup must be true or false');
  });
});

describe('a parent directory', () => {
  test('to which everybody can write is refused, unless it is sticky', async () => {
    chmodSync(place.path, 0o777);
    expect(await complaint()).toBe(
      `Every user can replace files in ${place.path}. Run: chmod o-w '${place.path}' or choose another path.`,
    );
    chmodSync(place.path, 0o1777);
    await storage.write('key', {}, undefined);
  });

  test('of another user is refused, unless that is root', async () => {
    const { lstatSync: stat } = fs;
    const spy = vi.spyOn(fs, 'lstatSync').mockImplementation(((
      path: string,
      options?: fs.StatSyncOptions,
    ) => {
      const stats = stat(path, options) as fs.Stats;
      if (stats !== undefined) stats.uid = path === place.path ? 4321 : 1234;
      return stats;
    }) as never);
    const getuid = vi.spyOn(process, 'getuid').mockReturnValue(1234);
    syncBuiltinESMExports();
    try {
      expect(await complaint()).toBe(
        `${place.path} belongs to user 4321, who can replace files in it. Choose a path below a directory of user 1234.`,
      );
    } finally {
      spy.mockRestore();
      getuid.mockRestore();
      syncBuiltinESMExports();
    }
  });
});

describe('anything but the file', () => {
  test('one that a container mounts by itself', async () => {
    await storage.write('key', {}, undefined);
    storage.close();
    const { readFileSync: read } = fs;
    const mount = `58 1 0:42 /tokens ${place.file.replaceAll(' ', String.raw`\040`)} rw,relatime - ext4 /dev/sda1 rw\n`;
    const spy = vi
      .spyOn(fs, 'readFileSync')
      .mockImplementation(((path: string, options: never) =>
        path === '/proc/self/mountinfo' ? mount : read(path, options)) as never);
    syncBuiltinESMExports();
    try {
      expect(await complaint()).toContain('is mounted as a single file');
    } finally {
      spy.mockRestore();
      syncBuiltinESMExports();
    }
  });

  test('a symbolic link to one', async () => {
    mkdirSync(dirname(place.file), { mode: 0o700 });
    symlinkSync(join(place.path, 'elsewhere'), place.file);
    expect(await complaint()).toBe(`${place.file} is a symbolic link. Pass the path of the file itself.`);
    expect(readdirSync(place.path)).toEqual(['private']);
  });

  test('a directory', async () => {
    mkdirSync(place.file, { recursive: true, mode: 0o700 });
    expect(await complaint()).toContain('is not a file');
  });

  test('one with a second name', async () => {
    await storage.write('key', {}, undefined);
    linkSync(place.file, join(dirname(place.file), 'second'));
    expect(await complaint()).toContain('has a second name');
  });

  test('one below what is no directory', async () => {
    writeFileSync(dirname(place.file), '');
    expect(await complaint()).toContain('not a directory');
  });

  test('a text, which is left as it is', async () => {
    mkdirSync(dirname(place.file), { mode: 0o700 });
    writeFileSync(place.file, '{"some":"json"}'.repeat(500), { mode: 0o600 });
    expect(await complaint()).toContain('is not a file of tokenkeep');
    expect(readFileSync(place.file, 'utf8')).toBe('{"some":"json"}'.repeat(500));
  });

  test('a database of something else, which is left as it is', async () => {
    mkdirSync(dirname(place.file), { mode: 0o700 });
    fs.closeSync(fs.openSync(place.file, 'wx', 0o600));
    const foreign = new DatabaseSync(place.file);
    foreign.exec('CREATE TABLE notes (text)');
    expect(await complaint()).toContain('is a database of another program');
    expect(foreign.prepare('SELECT name FROM sqlite_schema').all()).toHaveLength(1);
    expect(foreign.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'delete' });
    foreign.close();
  });

  test('one of a later version of tokenkeep', async () => {
    await storage.write('key', {}, undefined);
    const later = new DatabaseSync(place.file);
    later.exec('PRAGMA user_version = 2');
    later.close();
    expect(await complaint(fileStorage({ path: place.file }))).toContain('newer tokenkeep');
  });

  test('the log of a file that was deleted', async () => {
    await storage.write('key', { token: canary }, undefined);
    rmSync(place.file);
    const message = `${place.file} was deleted, but not the files that belong to it.`;
    expect(await complaint()).toContain(message);
    expect(await complaint(fileStorage({ path: place.file }))).toContain(`${place.file}-wal`);
  });

  test('one on a network file system', async () => {
    const { statfsSync } = fs;
    fs.statfsSync = ((path: string) => ({ ...statfsSync(path), type: 0x6969 })) as never;
    syncBuiltinESMExports();
    try {
      expect(await complaint()).toContain('is on a network file system');
    } finally {
      fs.statfsSync = statfsSync;
      syncBuiltinESMExports();
    }
    await storage.write('key', {}, undefined);
  });
});

test.each([
  ['NFS', 0x6969, true],
  ['CIFS, as a negative number', 0xff534d42 | 0, true],
  ['FUSE', 0x65735546, true],
  ['ext4', 0xef53, false],
  ['tmpfs', 0x01021994, false],
  ['overlayfs', 0x794c7630, false],
  ['btrfs', 0x9123683e, false],
])('%s is a network file system: %s → %s', (_, type, is) => {
  expect(isNetworkFileSystem(type, 'linux')).toBe(is);
  expect(isNetworkFileSystem(type, 'darwin')).toBe(false);
});

describe('the stored record', () => {
  test('goes away from the disk with a delete', async () => {
    const version = await storage.write('key', { token: `${canary}-1`, more: 'x'.repeat(9000) }, undefined);
    await storage.write('key', { token: `${canary}-2`, more: 'y'.repeat(9000) }, version);
    await storage.write('other', { stays: true }, undefined);
    const holds = () =>
      readdirSync(dirname(place.file)).filter((name) =>
        readFileSync(join(dirname(place.file), name), 'latin1').includes(canary),
      );
    expect(holds()).not.toEqual([]);
    await storage.delete('key');
    expect(holds()).toEqual([]);
    expect((await storage.read('other'))?.record).toEqual({ stays: true });
  });

  test('is gone with its directory, and what comes after it has other versions', async () => {
    const before = await storage.write('key', { step: 1 }, undefined);
    rmSync(dirname(place.file), { recursive: true });
    expect(await storage.read('key')).toBeUndefined();
    await expect(storage.write('key', { step: 2 }, before)).rejects.toMatchObject({ conflict: true });
    expect(await storage.write('key', { step: 2 }, undefined)).not.toBe(before);
    const other = fileStorage({ path: place.file });
    expect((await other.read('key'))?.record).toEqual({ step: 2 });
    other.close();
  });

  test('is what the file of that name holds, also after it was replaced', async () => {
    await storage.write('key', { file: 'first' }, undefined);
    using second = folder();
    const other = fileStorage({ path: second.file });
    await other.write('key', { file: 'second' }, undefined);
    other.close();
    rmSync(dirname(place.file), { recursive: true });
    renameSync(dirname(second.file), dirname(place.file));
    expect((await storage.read('key'))?.record).toEqual({ file: 'second' });
  });

  test('a value that is no JSON is returned as it is', async () => {
    await storage.write('key', {}, undefined);
    const other = new DatabaseSync(place.file);
    other.exec(`UPDATE records SET record = 'undefined'`);
    other.close();
    expect((await storage.read('key'))?.record).toBe('undefined');
  });

  test('can be used on after close', async () => {
    const version = await storage.write('key', { step: 1 }, undefined);
    storage.close();
    storage.close();
    expect(readdirSync(dirname(place.file))).toEqual(['tokens']);
    expect(await storage.read('key')).toEqual({ record: { step: 1 }, version });
  });
});

test('while another process writes, the event loop continues, and then so does the write', async () => {
  await storage.write('key', {}, undefined);
  const writer = spawn(process.execPath, [program('file-writer.ts'), place.file], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(writer, 'message');
  let isDone = false;
  const writing = storage.write('other', {}, undefined).then(() => {
    isDone = true;
  });
  for (let turn = 0; turn < 100; turn++) await flushPending();
  expect(isDone).toBe(false);
  writer.send('commit');
  await writing;
});

describe('its lock', () => {
  const tickets = (sql: string) => {
    const database = new DatabaseSync(place.file);
    const rows = database.prepare(sql).all();
    database.close();
    return rows;
  };

  test('skips processes that have died in the queue, at any place', async () => {
    await storage.lock.request('name', {}, async () => undefined);
    for (const owner of ['a', 'b', 'c']) {
      tickets(`INSERT INTO tickets (name, owner) VALUES ('"name"', '${owner}')`);
      writeFileSync(`${place.file}-lock-${owner}`, '', { mode: 0o600 });
    }
    tickets(`INSERT INTO tickets (name, owner) VALUES ('"name"', 'without-a-file')`);
    expect(await storage.lock.request('name', {}, async () => 'granted')).toBe('granted');
    expect(leftovers(place.file)).toEqual([]);
  });

  test('clears away what was left behind in queues that nobody comes to, and before a ticket was drawn', async () => {
    await storage.read('key');
    tickets(`INSERT INTO tickets (name, owner) VALUES ('"forgotten"', 'a')`);
    for (const owner of ['a', 'b']) writeFileSync(`${place.file}-lock-${owner}`, '', { mode: 0o600 });
    await storage.lock.request('name', {}, async () => undefined);
    expect(leftovers(place.file)).toEqual([]);
  });

  test('of a living holder is not removed by newcomers', async () => {
    await storage.lock.request('name', {}, async () => {
      const other = fileStorage({ path: place.file });
      await other.lock.request('other', {}, async () => undefined);
      const controller = new AbortController();
      let hasRun = false;
      const waiting = other.lock.request('name', { signal: controller.signal }, async () => {
        hasRun = true;
      });
      await other.lock.request('another', {}, async () => undefined);
      for (let turn = 0; turn < 50; turn++) await flushPending();
      expect(hasRun).toBe(false);
      controller.abort('enough');
      await expect(waiting).rejects.toBe('enough');
      other.close();
    });
    expect(leftovers(place.file)).toEqual([]);
  });
});

describe('where there is no node:sqlite', () => {
  test('it says so at once, with the remedy', () => {
    const source = `
      import { fileStorage } from ${JSON.stringify(new URL('../../../src/node/file-storage.ts', import.meta.url))};
      try { fileStorage({ path: 'x' }); } catch (error) { console.log(error.name, error.message); }`;
    const options = ['--no-experimental-sqlite', '--input-type=module', '--eval', source];
    const { stdout, stderr } = spawnSync(process.execPath, options, { encoding: 'utf8' });
    expect({ stdout, stderr }).toEqual({
      stdout:
        'ConfigurationError fileStorage() needs node:sqlite, which this runtime lacks. Use Node 22.13 or newer.\n',
      stderr: '',
    });
  });

  test('and where it warns that it is an experiment, that one warning is not passed on', async () => {
    const real = process.getBuiltinModule('node:sqlite');
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    vi.spyOn(process, 'getBuiltinModule').mockImplementation((() => {
      process.emitWarning(
        'SQLite is an experimental feature and might change at any time',
        'ExperimentalWarning',
      );
      process.emitWarning('Something else', 'ExperimentalWarning');
      process.emitWarning('SQLite is on fire', 'Warning');
      return real;
    }) as never);
    vi.resetModules();
    const { openSqlite } = await import('../../../src/node/sqlite.ts');
    openSqlite(':memory:').close();
    expect(warn.mock.calls).toEqual([
      ['Something else', 'ExperimentalWarning'],
      ['SQLite is on fire', 'Warning'],
    ]);
    expect(process.emitWarning).toBe(warn);
  });
});

test.each([undefined, {}, { path: '' }, { path: 7 }, { path: 'a\0b' }])(
  'fileStorage(%o) is refused',
  (options) => {
    expect(() => fileStorage(options as never)).toThrow(ConfigurationError);
  },
);
