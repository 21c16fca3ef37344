/** Globals that the folders of `src` may use: the core only those of the language, and each platform only its own. */
import ts from 'typescript';
import { expect, test } from 'vitest';
import type { Module } from './support/sources.ts';
import { sources, walk } from './support/sources.ts';

const nodeRooms = ['node', 'electron', 'testing'];
const browserGlobals = ['window', 'document', 'localStorage', 'sessionStorage', 'indexedDB'];

const isIn = (room: string, { path }: Module) => path.startsWith(`${room}/`);
const pathsOf = (modules: readonly Module[]) => modules.map(({ path }) => path);

test('the core has no await, clock, timer, randomness or I/O', () => {
  const core = sources.filter((module) => isIn('core', module));
  expect(core.length).toBeGreaterThan(0);
  expect(core.flatMap(impurities)).toEqual([]);
});

test('only the rooms for Node import its modules', () => {
  const importers = sources.filter(({ packages }) => packages.some((name) => name.startsWith('node:')));
  expect(pathsOf(importers.filter((module) => !nodeRooms.some((room) => isIn(room, module))))).toEqual([]);
});

test('only the room for browsers names their globals', () => {
  const named = sources
    .filter((module) => !isIn('browser', module))
    .flatMap((module) => globalsIn(module).map((name) => ({ path: module.path, name })))
    .filter(({ name }) => browserGlobals.includes(name));
  expect(named).toEqual([]);
});

test('import() is not used where it may fail: service workers refuse it, and a deployed page may have lost the file', () => {
  const isImport = (node: ts.Node) =>
    ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
  // An optional peer, for Node only.
  expect(pathsOf(sources.filter(({ tree }) => contains(tree, isImport)))).toEqual(['node/keyring.ts']);
});

function contains(tree: ts.Node, isWanted: (node: ts.Node) => boolean): boolean {
  let found = false;
  walk(tree, (node) => {
    found ||= isWanted(node);
  });
  return found;
}

/** Violations of the core, as `core/x.ts:12: await`. */
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
