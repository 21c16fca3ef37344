/** Importing a door has no effect, so a server that renders pages, an edge worker or a thread can do it. */
import { resolve } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, test } from 'vitest';
import { requireBuild } from '../support/package/built.ts';
import { script } from '../support/package/bundle.ts';
import { doors } from '../support/package/manifest.ts';

beforeAll(requireBuild);

/** Doors that bring something of Node. */
const walled: string[] = ['tokenkeep/node', 'tokenkeep/testing'];
const open = [...doors.keys()].filter((door) => !walled.includes(door));

/** Globals of an edge runtime in addition to the language. There is no page, no process, and nothing of Node. */
const passive = [
  ...['AbortController', 'AbortSignal', 'Blob', 'DOMException', 'Event', 'EventTarget', 'File', 'FormData'],
  ...['Headers', 'ReadableStream', 'Request', 'Response', 'TextDecoder', 'TextEncoder', 'TransformStream'],
  ...['URL', 'URLSearchParams', 'WritableStream', 'atob', 'btoa', 'structuredClone'],
];
/** Calls that it refuses while a module is imported: time, chance, the network. */
const active = ['fetch', 'setTimeout', 'setInterval', 'clearTimeout', 'queueMicrotask'];

function edge(): Record<string, unknown> {
  const refuse = (name: string) => () => {
    throw new Error(`${name} was called while a module was imported.`);
  };
  const methods = (object: string, ...names: string[]) =>
    Object.fromEntries(names.map((name) => [name, refuse(`${object}.${name}`)]));
  return {
    ...Object.fromEntries(passive.map((name) => [name, globalThis[name as keyof typeof globalThis]])),
    ...Object.fromEntries(active.map((name) => [name, refuse(name)])),
    crypto: {
      ...methods('crypto', 'randomUUID', 'getRandomValues'),
      subtle: methods('crypto.subtle', 'digest'),
    },
    console: methods('console', 'log', 'info', 'warn', 'error', 'debug'),
    navigator: { userAgent: 'Cloudflare-Workers' },
  };
}

describe.each(open)('%s', (door) => {
  test('is imported where there is neither page nor process, and time, chance and network are refused', async () => {
    const globals = edge();
    const before = Object.keys(globals);
    const context = createContext(globals);
    runInContext(await script(`export * from '${door}'`, 'door'), context);
    expect(Object.keys(runInContext('door', context) as object).length).toBeGreaterThan(0);
    expect(Object.keys(globals).filter((name) => !before.includes(name))).toEqual(['door']);
  });
});

test('a door that did something would be noticed', () => {
  for (const deed of ['setTimeout(() => {}, 1)', 'crypto.randomUUID()', 'document.title', 'localStorage.a']) {
    expect(() => runInContext(deed, createContext(edge()))).toThrow();
  }
});

test('every door is imported in a thread, which then has nothing left to do', async () => {
  const files = [...doors.values()].map((module) => resolve('dist', `${module}.js`));
  const code = `
    const { parentPort } = require('node:worker_threads');
    const before = Object.getOwnPropertyNames(globalThis);
    Promise.all(${JSON.stringify(files)}.map((file) => import(file))).then((modules) => {
      const added = Object.getOwnPropertyNames(globalThis).filter((name) => !before.includes(name));
      parentPort.postMessage({ count: modules.length, added });
    });`;
  const thread = new Worker(code, { eval: true });
  const { promise, resolve: tell, reject } = Promise.withResolvers<unknown>();
  thread.once('message', tell).once('error', reject);
  const exited = new Promise((end) => void thread.once('exit', end));
  expect(await promise).toEqual({ count: doors.size, added: [] });
  expect(await exited).toBe(0);
});
