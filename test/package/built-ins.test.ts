/** The built-ins that the package needs in a page or an app. The list is in support/built-ins.ts. */
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { doors } from '../support/package/manifest.ts';
import { everywhere, guarded, newer } from './support/built-ins.ts';
import { type Module, sources, walk } from './support/sources.ts';

const onThePath = [
  'tokenkeep',
  ...['client-authentication', 'login', 'dpop', 'providers', 'ky'].map((name) => `tokenkeep/${name}`),
];
const byPath = new Map(sources.map((module) => [module.path, module]));
const reachable = modulesOf(onThePath.map((name) => `${doors.get(name)}.ts`));

test('the path is found', () => {
  expect(reachable.map(({ path }) => path)).toEqual(
    expect.arrayContaining([
      'token-manager.ts',
      'request/authorized-fetch.ts',
      'core/http/url.ts',
      'dpop/dpop.ts',
    ]),
  );
});

describe('the core, the request path, logins, DPoP, providers and ky', () => {
  test('use the built-ins of the list and no others', () => {
    const others = reachable.flatMap((module) =>
      freeNames(module)
        .filter((name) => !everywhere.includes(name) && !guarded[name]?.includes(module.path))
        .map((name) => `${module.path}: ${name}`),
    );
    expect(others).toEqual([]);
  });

  test('use no member that is newer', () => {
    const found = reachable.flatMap((module) => {
      const code = codeOf(module);
      const isDoorToCrypto = module.path === 'platform/web-crypto.ts';
      return newer
        .filter((pattern) => pattern.test(code) && !(isDoorToCrypto && pattern.source.includes('crypto')))
        .map((pattern) => `${module.path}: ${pattern.source}`);
    });
    expect(found).toEqual([]);
  });

  test('load nothing later', () => {
    const later = reachable.filter(({ tree }) => has(tree, isDynamicImport)).map(({ path }) => path);
    expect(later).toEqual([]);
  });
});

test('no class has a static block, which Metro refuses', () => {
  expect(
    sources.filter(({ tree }) => has(tree, ts.isClassStaticBlockDeclaration)).map(({ path }) => path),
  ).toEqual([]);
});

/** The modules that are loaded statically with these modules. */
function modulesOf(entries: readonly string[]): Module[] {
  const found = new Set<Module>();
  const follow = (path: string): void => {
    const module = byPath.get(path);
    if (module === undefined || found.has(module)) return;
    found.add(module);
    for (const statement of module.tree.statements) {
      const isImport = ts.isImportDeclaration(statement) && statement.importClause?.isTypeOnly !== true;
      const isExport = ts.isExportDeclaration(statement) && !statement.isTypeOnly;
      const specifier = isImport || isExport ? statement.moduleSpecifier : undefined;
      if (specifier === undefined || !ts.isStringLiteral(specifier)) continue;
      follow(new URL(specifier.text, `file:///${path}`).pathname.slice(1));
    }
  };
  for (const entry of entries) follow(entry);
  return [...found];
}

/** The code that runs: without types and comments. */
function codeOf({ text }: Module): string {
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2022,
      verbatimModuleSyntax: true,
      removeComments: true,
    },
  });
  return outputText;
}

/** Names that a module uses and does not declare, and members of `globalThis`. */
function freeNames(module: Module): string[] {
  const used = new Set<string>();
  const declared = new Set<string>();
  const tree = ts.createSourceFile(module.path, codeOf(module), ts.ScriptTarget.Latest, true);
  walk(tree, (node) => {
    if (!ts.isIdentifier(node)) return;
    const { parent } = node;
    if (ts.isPropertyAccessExpression(parent) && parent.name === node) {
      if (parent.expression.getText() === 'globalThis') used.add(node.text);
    } else if (ts.isShorthandPropertyAssignment(parent)) {
      used.add(node.text);
    } else if (ts.isBindingElement(parent) && parent.propertyName === node) {
      return; // a member that gets another name
    } else if ('name' in parent && parent.name === node) {
      if (!ts.isPropertyAssignment(parent) && !ts.isClassElement(parent)) declared.add(node.text);
    } else {
      used.add(node.text);
    }
  });
  return [...used].filter((name) => !declared.has(name) && name !== 'arguments').sort();
}

function isDynamicImport(node: ts.Node): boolean {
  return ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
}

function has(tree: ts.Node, is: (node: ts.Node) => boolean): boolean {
  let found = false;
  walk(tree, (node) => {
    found ||= is(node);
  });
  return found;
}
