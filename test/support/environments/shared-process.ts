/**
 * Test files of a project share a process, which halves the time of the unit tests. Each file leaves the process as it was:
 * this fails a file that does not, before the result of another one depends on it.
 */
import { afterAll, expect, vi } from 'vitest';
import { isPageLeaving } from '../../../src/platform/environment.ts';

const signals = [
  'exit',
  'beforeExit',
  'uncaughtException',
  'unhandledRejection',
  'warning',
  'SIGINT',
  'SIGTERM',
];
const shared = {
  Object,
  Array,
  Function,
  Promise,
  String,
  Error,
  URL,
  Headers,
  Request,
  Response,
  AbortSignal,
};

/** Reads the values without calling a getter: those of Node load a module when they are first used. */
function valuesOf(owner: object): [string, unknown][] {
  return Reflect.ownKeys(owner).map((key) => {
    const { get, value } = Object.getOwnPropertyDescriptor(owner, key) ?? {};
    return [String(key), get === undefined ? value : isGetter];
  });
}
const isGetter = Symbol('getter');

/** Everything that a file could leave behind for the next one, by name. */
function snapshot(): Map<string, unknown> {
  const prototypes = Object.entries(shared).flatMap(([name, { prototype }]) =>
    valuesOf(prototype).map(([key, value]) => [`${name}.prototype.${key}`, value] as const),
  );
  return new Map([
    ...valuesOf(globalThis),
    ...prototypes,
    ...Object.entries(process.env).map(([name, value]) => [`process.env.${name}`, value] as const),
    ...signals.map((name) => [`listeners of ${name}`, process.listenerCount(name)] as const),
    ['process.cwd()', process.cwd()],
  ]);
}

/** Names of what was added, removed or replaced. A getter that became a value was a module that Node has loaded. */
function changes(before: Map<string, unknown>, after: Map<string, unknown>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) =>
      before.has(name) !== after.has(name) ||
      (before.get(name) !== isGetter && !Object.is(before.get(name), after.get(name))),
  );
}

const before = snapshot();
afterAll(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  expect(changes(before, snapshot()), 'globals that this file has not restored').toEqual([]);
  // A module remembers this, and the refreshes of the next file would wait for that page.
  expect(isPageLeaving(), 'a page that this file has left and not shown again').toBe(false);
});
