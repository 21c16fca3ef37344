/** The house of `src`: its rooms, who imports whom, and what every file has in common. */
import { basename, dirname } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { browserDoors, doors, manifest } from '../support/package/manifest.ts';
import { isTypesOnly, sources } from './support/sources.ts';

/** From the ground up. A room imports from itself and from the floors below it. */
const floors: readonly [room: string, what: string][] = [
  ['core', 'Pure functions, types and errors: the protocol, without any waiting.'],
  ['async', 'Aborts, timeouts, timers, concurrency and listeners.'],
  ['platform', 'What the platform offers. Each fact is checked in one place.'],
  ['memory', 'The default storage and its lock.'],
  ['token-endpoint', 'Requests to the authorization server.'],
  ['session', 'What is known and stored of a session.'],
  ['refresh', 'One refresh of a session, in seven steps.'],
  ['request', 'A request on its way to a protected resource.'],
  ['.', 'The `TokenManager`, its options, and what it builds from them.'],
];

/** Beside the floors, none of which imports from a wing. Each wing names exactly the rooms that it imports from. */
const wings: Readonly<Record<string, readonly [what: string, ...rooms: string[]]>> = {
  browser: ['Storages and locks of browsers.', 'core', 'async', 'platform'],
  node: ['Storages of one machine: a file, the keyring of the system.', 'core', 'async'],
  cluster: ['What the storages of clusters share.', 'core', 'async'],
  redis: ['A storage and lock on Redis.', 'core', 'async', 'cluster'],
  postgres: ['A storage and lock on PostgreSQL.', 'core', 'async', 'cluster'],
  login: [
    'Logins. They use the client of a manager.',
    'core',
    'async',
    'platform',
    'token-endpoint',
    'session',
    '.',
  ],
  'client-authentication': [
    'Clients with a secret or a certificate, and tokens for the client itself.',
    'core',
    'token-endpoint',
  ],
  'client-assertion': ['Clients that sign a JWT.', 'core', 'async', 'platform', 'token-endpoint'],
  dpop: ['Tokens that are bound to a key.', 'core', 'platform'],
  providers: ['Data about authorization servers.', 'core'],
  bridge: ['Calls of a page to a manager elsewhere.', 'core', 'async', 'platform', 'refresh', '.'],
  electron: ['The bridge of Electron, and its storage.', 'core', 'node', 'bridge'],
  worker: ['The bridge to a worker.', 'core', 'async', 'platform', 'bridge'],
  ky: ['A ky instance on any manager.', 'core'],
  opentelemetry: ['Spans and counters of any manager.', 'core'],
  testing: [
    'A test server, a mock of a manager, and the laws of storages and locks.',
    'core',
    'platform',
    'memory',
    '.',
  ],
};

const roomsWithin = [
  'core/http',
  'core/oauth',
  'core/session',
  'testing/conformance',
  'testing/dialects',
  'testing/mock',
  'testing/server',
];

/** The one file that imports a package, for each use of it. */
const packageDoors: Readonly<Record<string, string[]>> = {
  '@napi-rs/keyring': ['node/keyring.ts'],
  'jwt-decode': ['core/oauth/jwt-claims.ts'],
  ky: ['ky/authorized-ky.ts'],
  oauth4webapi: ['client-assertion/client-assertion.ts'],
  'p-queue': ['cluster/keyed-queue.ts', 'node/keyring.ts'],
};

/** Optional peers. Applications hand in their clients, so no file imports them. */
const handedIn = ['@opentelemetry/api', 'ioredis', 'pg', 'redis'];

const maxLines = 400;

const roomOf = (path: string) => (path.includes('/') ? path.replace(/\/.*/s, '') : '.');
const isDoor = (path: string) => basename(path) === 'index.ts';
const files = sources.filter(({ path }) => !isDoor(path));
const paths = sources.map(({ path }) => path);

/** The other rooms that a room imports from, each with the files that do. */
function importsOf(room: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { path, modules } of files.filter(({ path }) => roomOf(path) === room)) {
    for (const other of modules.map(roomOf).filter((other) => other !== room))
      found.set(other, [...(found.get(other) ?? []), path]);
  }
  return found;
}

describe('rooms', () => {
  test('each folder is a floor, a wing, or a room within one', () => {
    const folders = new Set(paths.map((path) => dirname(path)));
    const known = [...floors.map(([room]) => room), ...Object.keys(wings), ...roomsWithin];
    expect([...folders].sort()).toEqual(known.sort());
  });

  test.each(floors)('%s imports from floors below it only', (room) => {
    const below = floors
      .slice(
        0,
        floors.findIndex(([one]) => one === room),
      )
      .map(([one]) => one);
    const upward = [...importsOf(room)].filter(([other]) => !below.includes(other));
    expect(upward).toEqual([]);
  });

  test.each(Object.entries(wings))('%s imports from the rooms that it names', (wing, [, ...rooms]) => {
    expect([...importsOf(wing).keys()].sort()).toEqual(rooms.sort());
  });

  test('no file imports a door', () => {
    expect(sources.filter(({ modules }) => modules.some(isDoor)).map(({ path }) => path)).toEqual([]);
  });
});

describe('packages', () => {
  test('each has one door', () => {
    const importers: Record<string, string[]> = {};
    for (const { path, packages } of sources) {
      for (const name of new Set(packages.filter((name) => !name.startsWith('node:'))))
        importers[name] = [...(importers[name] ?? []), path];
    }
    expect(importers).toEqual(packageDoors);
  });

  test('all that are declared are used, and all that are used are declared', () => {
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    expect([...Object.keys(packageDoors), ...handedIn].sort()).toEqual(declared.sort());
  });

  test('those that applications hand in are optional', () => {
    const required = handedIn.filter((name) => manifest.peerDependenciesMeta?.[name]?.optional !== true);
    expect(required).toEqual([]);
  });
});

describe('doors', () => {
  test('are the index files, and all of them are in the exports map', () => {
    const indexes = paths.filter(isDoor).map((path) => path.replace(/\.ts$/, ''));
    expect([...doors.values()].sort()).toEqual(indexes.sort());
  });

  test('only re-export', () => {
    const others = sources
      .filter(({ path }) => isDoor(path))
      .flatMap(({ path, tree }) => tree.statements.map((statement) => ({ path, statement })))
      .filter(({ statement }) => !(ts.isExportDeclaration(statement) && statement.moduleSpecifier))
      .map(({ path, statement }) => `${path}: ${statement.getText()}`);
    expect(others).toEqual([]);
  });

  test('lead to every file', () => {
    const modulesOf = new Map(sources.map(({ path, modules }) => [path, modules]));
    const reached = new Set<string>();
    const follow = (path: string) => {
      if (reached.has(path)) return;
      reached.add(path);
      modulesOf.get(path)?.forEach(follow);
    };
    for (const door of [...doors.values(), ...browserDoors.values()]) follow(`${door}.ts`);
    expect(paths.filter((path) => !reached.has(path))).toEqual([]);
  });
});

describe('files', () => {
  // A question for a review, not a limit that cuts one idea in two.
  test(`have at most ${maxLines} lines`, () => {
    const long = sources.filter(({ text }) => text.trimEnd().split('\n').length > maxLines);
    expect(long.map(({ path }) => path)).toEqual([]);
  });

  test('have names that no other file has', () => {
    const names = files.map(({ path }) => basename(path));
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  test('have names that say what they do', () => {
    const vague = /(^|[/-])(utils?|helpers?|misc|common|shared|lib|stuff)([-./]|$)/;
    expect(paths.filter((path) => vague.test(path))).toEqual([]);
  });

  test('are imported by their whole name', () => {
    expect(sources.flatMap(({ modules }) => modules).filter((module) => !paths.includes(module))).toEqual([]);
  });

  test('export something, be it types only', () => {
    const empty = sources.filter((module) => isTypesOnly(module) && !/^export /m.test(module.text));
    expect(empty.map(({ path }) => path)).toEqual([]);
  });
});
