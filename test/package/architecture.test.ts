import { globSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { browserDoors, doors, manifest } from '../support/package/manifest.ts';
import type { Module } from './support/sources.ts';
import { isTypesOnly, sources, walk } from './support/sources.ts';

/**
 * What each folder of src/ may import besides itself: floors downwards, wings the ground only. A folder that is not
 * in this table fails, so a new one is a decision.
 */
const floors: Record<string, string[]> = {
  // A second ground floor: waiting, timers, concurrency.
  async: ['core'],
  // What crosses from a page to where the manager lives, for those that keep it from pages.
  // It looks inside a manager for the login that a page's call began under.
  bridge: ['async', 'core', 'platform', 'session'],
  browser: ['async', 'core', 'platform'],
  core: [],
  dpop: ['core', 'platform'],
  // Its storage is that of files, with another seal.
  electron: ['bridge', 'core', 'node'],
  // What the storages of clusters share: queues, listeners, backoff.
  cluster: ['core'],
  // What a session is, what a refresh does to it, and what a request makes of both.
  refresh: ['async', 'core', 'platform', 'session', 'token-endpoint'],
  request: ['async', 'core', 'platform', 'refresh', 'session'],
  session: ['async', 'core', 'platform', 'refresh', 'request', 'token-endpoint'],
  'token-endpoint': ['async', 'core', 'platform'],
  // A wing above a manager, which it knows by shape.
  ky: ['core'],
  // A wing above refresh: it finds out the server and builds requests for the token endpoint as a refresh does, and nothing
  // below knows it.
  login: ['async', 'core', 'platform', 'refresh', 'session', 'token-endpoint'],
  memory: ['async', 'core'],
  node: ['core'],
  // A wing above a manager, which it knows by shape.
  opentelemetry: ['core'],
  // Each fact about the platform is checked in one place.
  platform: ['async', 'core'],
  postgres: ['core', 'cluster'],
  // Data about servers, and the check of their addresses.
  providers: ['core'],
  redis: ['core', 'cluster'],
  testing: ['core', 'platform'],
  worker: ['async', 'bridge', 'core', 'platform'],
};

/** The one file that imports each package, for each use that we make of it. A line more is a decision. */
const packageDoors: Record<string, string[]> = {
  '@napi-rs/keyring': ['node/keyring.ts'],
  'jwt-decode': ['core/oauth/jwt-claims.ts'],
  ky: ['ky/authorized-ky.ts', 'token-endpoint/discovery.ts'],
  oauth4webapi: ['token-endpoint/client-assertion.ts'],
  'p-queue': ['cluster/keyed-queue.ts'],
};

/** Packages whose clients we are handed: known by shape, imported by nobody, and optional. */
const handedIn = ['@opentelemetry/api', 'ioredis', 'pg', 'redis'];

/** What may stand at the top of src/: the façade, which wires the floors, and the door. */
const top = ['context.ts', 'index.ts', 'options.ts', 'token-manager.ts'];

/** Platform folders, and what only they may name. */
const nodeFolders = ['node', 'electron', 'testing'];
const browserGlobals = ['window', 'document', 'localStorage', 'sessionStorage', 'indexedDB'];

const folderOf = (path: string) => (path.includes('/') ? path.replace(/\/.*/s, '') : '');
const isDoor = (path: string) => /(^|\/)index\.ts$/.test(path);
const modules = sources.filter(({ path }) => !isDoor(path));

describe('imports', () => {
  test('every folder has its place in the table of floors', () => {
    const folders = new Set(modules.map(({ path }) => folderOf(path)).filter(Boolean));
    expect(Object.keys(floors).sort()).toEqual([...folders].sort());
  });

  test('point down only', () => {
    const upward = modules
      .filter(({ path }) => folderOf(path) !== '')
      .flatMap(({ path, modules }) => modules.map((to) => ({ path, to })))
      .filter(({ path, to }) => {
        const own = folderOf(path);
        const allowed = folderOf(to) === own || floors[own]?.includes(folderOf(to));
        return !allowed || isDoor(to);
      });
    expect(upward).toEqual([]);
  });

  test('the top of src/ holds the façade and the door, nothing else', () => {
    expect(sources.map(({ path }) => path).filter((path) => folderOf(path) === '')).toEqual(top);
  });

  test('each package has one door', () => {
    const importers: Record<string, string[]> = {};
    for (const { path, packages } of sources) {
      for (const name of new Set(packages.filter((name) => !name.startsWith('node:')))) {
        importers[name] ??= [];
        importers[name].push(path);
      }
    }
    expect(importers).toEqual(packageDoors);
  });

  test('each dependency is used, and only dependencies are', () => {
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    expect([...Object.keys(packageDoors), ...handedIn].sort()).toEqual(declared.sort());
    for (const name of handedIn)
      expect(manifest.peerDependenciesMeta?.[name], name).toEqual({ optional: true });
  });

  test('only the folders for Node import its modules', () => {
    const strays = sources.filter(
      ({ path, packages }) =>
        packages.some((name) => name.startsWith('node:')) && !nodeFolders.includes(folderOf(path)),
    );
    expect(strays.map(({ path }) => path)).toEqual([]);
  });

  test('nothing is loaded later by import(): service workers refuse it, and a deployed page may have lost the file', () => {
    const lazy = sources.filter(({ tree }) => {
      let found = false;
      walk(tree, (node) => {
        found ||= ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
      });
      return found;
    });
    // JWTs of confidential clients, by a package that does not load on Hermes; and an optional peer, for Node only.
    expect(lazy.map(({ path }) => path)).toEqual([
      'node/keyring.ts',
      'token-endpoint/client-authentication.ts',
    ]);
  });

  test('every relative import is written with its file name', () => {
    const files = new Set(globSync('**/*.ts', { cwd: 'src' }));
    expect(sources.flatMap(({ modules }) => modules).filter((to) => !files.has(to))).toEqual([]);
  });
});

describe('doors', () => {
  test('are the index files, and all of them are in the exports map', () => {
    const indexes = sources.filter(({ path }) => isDoor(path)).map(({ path }) => path.replace(/\.ts$/, ''));
    expect([...doors.values()].sort()).toEqual(indexes.sort());
  });

  test('re-export, and do nothing else', () => {
    const others = sources
      .filter(({ path }) => isDoor(path))
      .flatMap(({ path, tree }) => tree.statements.map((statement) => ({ path, statement })))
      .filter(({ statement }) => !(ts.isExportDeclaration(statement) && statement.moduleSpecifier))
      .map(({ path, statement }) => `${path}: ${statement.getText()}`);
    expect(others).toEqual([]);
  });

  test('lead to every module', () => {
    const byPath = new Map(sources.map((module) => [module.path, module]));
    const seen = new Set<string>();
    const follow = (path: string) => {
      if (seen.has(path)) return;
      seen.add(path);
      for (const next of byPath.get(path)?.modules ?? []) follow(next);
    };
    for (const door of [...doors.values(), ...browserDoors.values()]) follow(`${door}.ts`);
    expect(sources.map(({ path }) => path).filter((path) => !seen.has(path))).toEqual([]);
  });
});

describe('core', () => {
  const core = sources.filter(({ path }) => folderOf(path) === 'core');

  test('has no await, no clock, no timer, no chance, no I/O', () => {
    expect(core.length).toBeGreaterThan(0);
    expect(core.flatMap(impurities)).toEqual([]);
  });
});

describe('files', () => {
  // A question for a review, not a limit that cuts one idea in two.
  test('are at most 400 lines long', () => {
    const long = sources.filter(({ text }) => text.trimEnd().split('\n').length > 400);
    expect(long.map(({ path }) => path)).toEqual([]);
  });

  test('are named for what they do', () => {
    const vague = /(^|[/-])(utils?|helpers?|misc|common|shared|lib|stuff)([-./]|$)/;
    expect(sources.map(({ path }) => path).filter((path) => vague.test(path))).toEqual([]);
  });

  test('name the globals of browsers only in src/browser', () => {
    const named = modules
      .filter(({ path }) => folderOf(path) !== 'browser')
      .flatMap((module) =>
        globalsIn(module)
          .filter((name) => browserGlobals.includes(name))
          .map((name) => `${module.path}: ${name}`),
      );
    expect(named).toEqual([]);
  });

  test('export something, be it types only', () => {
    const empty = sources.filter((module) => isTypesOnly(module) && !/^export /m.test(module.text));
    expect(empty.map(({ path }) => path)).toEqual([]);
  });
});

/** What core must not do, as `core/x.ts:12: await`. */
function impurities({ path, tree }: Module): string[] {
  const found: string[] = [];
  walk(tree, (node) => {
    const what = impurity(node);
    if (what) found.push(`${path}:${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}: ${what}`);
  });
  return found;
}

function impurity(node: ts.Node): string | undefined {
  const calls = /^(globalThis\.)?(fetch|setTimeout|setInterval|setImmediate|queueMicrotask|structuredClone)$/;
  const reads =
    /^(globalThis\.)?(Date\.now|Math\.random|performance\.\w+|crypto\.\w+|console\.\w+|process\.\w+)$/;
  if (ts.isAwaitExpression(node) || node.kind === ts.SyntaxKind.AsyncKeyword) return node.getText();
  if (ts.isForOfStatement(node) && node.awaitModifier) return 'for await';
  if (ts.isCallExpression(node) && calls.test(node.expression.getText())) return node.expression.getText();
  if (ts.isPropertyAccessExpression(node) && reads.test(node.getText())) return node.getText();
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length)
    return 'new Date()';
  if (ts.isNewExpression(node) && node.expression.getText() === 'Promise') return 'new Promise';
  return undefined;
}

/** Names that a module uses without declaring them anywhere, and members of `globalThis`. */
function globalsIn({ tree }: Module): string[] {
  const used: string[] = [];
  const members: string[] = [];
  const declared = new Set<string>();
  walk(tree, (node) => {
    if (!ts.isIdentifier(node)) return;
    const { parent } = node;
    if (ts.isPropertyAccessExpression(parent) && parent.name === node) {
      if (parent.expression.getText() === 'globalThis') members.push(node.text);
    } else if ('name' in parent && parent.name === node) {
      if (!isMember(parent)) declared.add(node.text);
    } else {
      used.push(node.text);
    }
  });
  return [...members, ...used.filter((name) => !declared.has(name))];
}

/** Members are named, but bring no name into scope. A shorthand does not either: it uses one. */
function isMember(node: ts.Node): boolean {
  return ts.isPropertyAssignment(node) || ts.isClassElement(node) || ts.isTypeElement(node);
}
