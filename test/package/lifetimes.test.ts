/** Objects with a lifetime end by `using` and `await using`, twice as well as once, in old engines too. */
import * as opentelemetry from '@opentelemetry/api';
import ts from 'typescript';
import { beforeAll, expect, test } from 'vitest';
import { requireBuild } from '../support/package/built.ts';
import { script } from '../support/package/bundle.ts';
import { sources, walk } from './support/sources.ts';

beforeAll(requireBuild);

/** Whether a door re-exports this name of this module. */
const isPublic = (name: string, module: string) =>
  sources.some(
    ({ path, text, modules }) =>
      /(^|\/)index\.ts$/.test(path) && modules.includes(module) && new RegExp(`\\b${name}\\b`).test(text),
  );
/** Passed by the application, and known by shape: the application ends them. */
const foreign =
  /^(?:ClosableManager|Electron(?:Ipc|Safe|Context)|Ioredis|NodeRedis|Postgres(?:Client|Pool))|Fixture$/;

const mortal = [
  'ConnectedTokenManager',
  'FileStorage',
  'IdleSignOut',
  'Instrumentation',
  'ListeningServer',
  'TokenManager',
];

test('every public type with close() or stop() can be disposed of', () => {
  const disposable: string[] = [];
  const others: string[] = [];
  for (const { path, tree } of sources) {
    walk(tree, (node) => {
      if (!(ts.isInterfaceDeclaration(node) || ts.isClassDeclaration(node))) return;
      const name = node.name?.text ?? '';
      const members: readonly ts.NamedDeclaration[] = [...node.members];
      const names = members.map((member) => member.name?.getText());
      if (!names.some((member) => member === 'close' || member === 'stop')) return;
      if (!isPublic(name, path) || foreign.test(name)) return;
      const heritage = node.heritageClauses?.map((clause) => clause.getText()).join() ?? '';
      const isDisposable =
        /Disposable\b/.test(heritage) || names.some((member) => /ispose\]$/.test(member ?? ''));
      (isDisposable ? disposable : others).push(name);
    });
  }
  expect(others).toEqual([]);
  expect(disposable.sort()).toEqual(mortal);
});

/** In place of the symbols that are missing, as esbuild and Babel look for them. */
const names = { end: Symbol.for('Symbol.dispose'), endLater: Symbol.for('Symbol.asyncDispose') } as const;

test('engines without the symbols have those that compilers look for, and no method called "undefined"', async () => {
  const code = await script(
    `export { TokenManager } from 'tokenkeep'; export { instrument } from 'tokenkeep/opentelemetry';`,
    'api',
  );
  const { dispose, asyncDispose, ...known } = Object.getOwnPropertyDescriptors(Symbol);
  const old = Object.defineProperties((text: string) => Symbol(text), known);
  const api = new Function('Symbol', `${code}; return api;`)(old);
  const manager = new api.TokenManager({
    clientId: 'app',
    authorizationServer: { tokenEndpoint: 'https://as.test/token' },
    protectedResources: ['https://api.test/'],
  });
  const instrumentation = api.instrument(manager, opentelemetry);
  expect([manager, instrumentation].filter((one) => 'undefined' in one)).toEqual([]);
  for (const _ of ['once', 'twice']) {
    instrumentation[names.end]();
    await manager[names.endLater]();
  }
});
