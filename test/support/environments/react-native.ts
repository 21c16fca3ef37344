/**
 * React Native as seen by the package: the built-ins of Hermes (250829098, React Native 0.84; 260318099, 0.88) and of React
 * Native's JavaScript. The tests and the tools that run them keep those of Node: a built-in is missing for the code of the
 * package, and for its dependencies.
 *
 * It assumes that a `URL` polyfill and `react-native-quick-crypto` are loaded: a manager throws an error without them. test/unit/platform
 * tests the features that work without the latter.
 */
import { fileURLToPath } from 'node:url';

/** Missing in Hermes or in React Native, or newer than ES2022, by the object that has them in Node. */
const missing: readonly [object, readonly PropertyKey[]][] = [
  [
    globalThis,
    [
      'BroadcastChannel',
      'DOMException',
      'EventSource',
      'FinalizationRegistry',
      'Iterator',
      'MessageChannel',
      'TextDecoder',
      'TransformStream',
      'WritableStream',
      'structuredClone',
    ],
  ],
  [URL, ['parse', 'canParse']],
  [AbortSignal, ['any', 'timeout']],
  [Array, ['fromAsync']],
  [Array.prototype, ['toSorted', 'toReversed', 'toSpliced', 'with', 'findLast', 'findLastIndex']],
  [Object, ['groupBy']],
  [Map, ['groupBy']],
  [Promise, ['try', 'withResolvers']],
  [Error, ['isError']],
  [String.prototype, ['isWellFormed', 'toWellFormed']],
  [Set.prototype, ['difference', 'intersection', 'isSubsetOf', 'isSupersetOf', 'union']],
  [Uint8Array, ['fromBase64', 'fromHex']],
  [Uint8Array.prototype, ['toBase64', 'toHex']],
  // `whatwg-fetch`, which React Native has for its own, says nothing of redirects. It has no streams either, those of Expo
  // do: test/unit/platform/react-native.test.ts reads answers without.
  [Headers.prototype, ['getSetCookie']],
  [Response, ['json']],
  [Response.prototype, ['bytes', 'redirected']],
  [Request.prototype, ['bytes', 'duplex']],
  [URLSearchParams.prototype, ['size']],
  [globalThis.crypto, ['randomUUID']],
];

const root = fileURLToPath(new URL('../../..', import.meta.url));
const product = new RegExp(
  `${root.replace(/\W/g, '\\$&')}(?:src/(?!testing/)|node_modules/(?:ky|jwt-decode|oauth4webapi|p-queue)/)`,
);

/** Checks whether the package or one of its dependencies has called a getter. */
function isForProduct(getter: object): boolean {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 1;
  const trace: { stack?: string } = {};
  Error.captureStackTrace(trace, getter as never);
  Error.stackTraceLimit = stackTraceLimit;
  return product.test(trace.stack ?? '');
}

function hide(owner: object, name: PropertyKey): void {
  let holder: object | null = owner;
  let found: PropertyDescriptor | undefined;
  for (; holder && !found; holder = Object.getPrototypeOf(holder)) {
    found = Object.getOwnPropertyDescriptor(holder, name);
  }
  if (found === undefined) return;
  const { value, get: read } = found;
  Object.defineProperty(owner, name, {
    configurable: true,
    enumerable: found.enumerable ?? false,
    get: function get(this: unknown) {
      if (isForProduct(get)) return undefined;
      return read === undefined ? value : read.call(this);
    },
    set(changed: unknown) {
      Object.defineProperty(this, name, { configurable: true, writable: true, value: changed });
    },
  });
}

// Test files share a worker, and built-ins stay hidden.
const hidden = Symbol.for('tokenkeep.test.hidden');
if (!(hidden in globalThis)) {
  for (const [owner, names] of missing) for (const name of names) hide(owner, name);
  Object.defineProperty(globalThis, hidden, { value: true });
}

// React Native's classes have no tags.
for (const { prototype } of [Headers, Request, Response])
  Reflect.deleteProperty(prototype, Symbol.toStringTag);
Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { product: 'ReactNative' } });
