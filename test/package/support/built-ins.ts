/**
 * The built-ins that the core, the request path, logins, DPoP, providers and the door to ky may use: those that Hermes
 * (React Native), Safari from 15.4 on, and edge isolates have. The compiler sees to the methods of ECMAScript (`lib` is
 * ES2022); this is about what stands beside it.
 */

/** Names that may stand anywhere. */
export const everywhere: readonly string[] = [
  'AbortController',
  'Array',
  'ArrayBuffer',
  'Boolean',
  'Date',
  'Error',
  'Function',
  'Headers',
  'Infinity',
  'JSON',
  'Map',
  'Math',
  'Number',
  'Object',
  'Promise',
  'RangeError',
  'Reflect',
  'RegExp',
  'Request',
  'Response',
  'Set',
  'String',
  'Symbol',
  'TextEncoder',
  'TypeError',
  'URL',
  'URLSearchParams',
  'Uint8Array',
  'WeakMap',
  'WeakSet',
  'atob',
  'btoa',
  'clearTimeout',
  'console',
  'decodeURIComponent',
  'encodeURIComponent',
  'fetch',
  'globalThis',
  'isNaN',
  'queueMicrotask',
  'setTimeout',
  'undefined',
];

/** Names that only these modules use: each checks for the built-in first, or needs it to work at all. */
export const guarded: Readonly<Record<string, readonly string[]>> = {
  // Bodies that the application has made of it.
  Blob: ['core/http/multipart.ts', 'request/replayable-request.ts'],
  FormData: ['request/replayable-request.ts'],
  ReadableStream: ['request/invalid-token.ts', 'request/replayable-request.ts'],
  // Only where an answer is a stream and there is a decoder.
  TextDecoder: ['token-endpoint/send-request.ts'],
  // Unreferenced sessions are forgotten where the engine reports garbage collection.
  FinalizationRegistry: ['session/session-registry.ts'],
  WeakRef: ['session/session-registry.ts'],
  // A popup speaks to the page that opened it.
  BroadcastChannel: ['login/popup-login.ts'],
  close: ['login/popup-login.ts'],
  open: ['login/popup-login.ts'],
  // A page that leaves for a login, and a program that opens a browser for one.
  location: ['context.ts', 'login/popup-login.ts', 'login/start-login.ts'],
  process: ['login/node-modules.ts'],
  // The code checks for its members.
  navigator: ['platform/environment.ts', 'login/one-tab.ts'],
};

/** Members that are missing in Hermes or in Safari 15.4, or are too new everywhere. */
export const newer: readonly RegExp[] = [
  /\bURL\.(?:parse|canParse)\b/,
  /\bAbortSignal\.(?:any|timeout)\b/,
  /\bPromise\.(?:try|withResolvers)\b/,
  /\b(?:Object|Map)\.groupBy\b/,
  /\bArray\.fromAsync\b/,
  /\bError\.isError\b/,
  /\bResponse\.json\b/,
  /\bRegExp\.escape\b/,
  /\.(?:toSorted|toReversed|toSpliced|findLast|findLastIndex|isWellFormed|toWellFormed|getSetCookie)\(/,
  /\.(?:isSubsetOf|isSupersetOf|isDisjointFrom|symmetricDifference|toBase64|toHex|bytes)\(/,
  // Asked for in platform/web-crypto.ts only.
  /\bcrypto\.(?:subtle|randomUUID|getRandomValues)\b/,
  // Lookbehind: Safari has it since 16.4.
  /\(\?<[=!]/,
];
