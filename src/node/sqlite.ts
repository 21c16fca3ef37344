/// <reference types="node" />
/**
 * The only door to `node:sqlite`, opened when it is first needed.
 *
 * @module
 */
import { isBuiltin } from 'node:module';
import type { DatabaseSync } from 'node:sqlite';
import { ConfigurationError } from '../core/errors.ts';

type Sqlite = typeof import('node:sqlite');

let loaded: Sqlite | undefined;

/** @throws ConfigurationError if this runtime has no `node:sqlite`. */
export function requireSqlite(): void {
  // Some bundlers for browsers resolve this import to an empty module.
  if (globalThis.process?.versions?.node === undefined) {
    throw new ConfigurationError(
      'tokenkeep/node is for Node, Bun and Deno. In a page use indexedDbStorage() of tokenkeep/browser.',
    );
  }
  if (loaded !== undefined || isBuiltin('node:sqlite')) return;
  throw new ConfigurationError(
    'fileStorage() needs node:sqlite, which this runtime lacks. Use Node 22.13 or newer.',
  );
}

/** Opens a database that never waits: access to locked data throws at once, so that the event loop is not blocked. */
export function openSqlite(path: string, options: { readonly readOnly?: boolean } = {}): DatabaseSync {
  loaded ??= withoutExperimentalWarning(() => process.getBuiltinModule('node:sqlite'));
  const connection = new loaded.DatabaseSync(path, { ...options, timeout: 0 });
  connection.exec('PRAGMA busy_timeout = 0'); // Deno 2.9 ignores the option, and would wait for 5 s
  return connection;
}

/**
 * Suppresses Node 22's warning that SQLite is experimental, which Node emits when the module is loaded. The user of the application
 * can ignore it: the part of the interface that tokenkeep uses is the same in Node 22 and later and is tested. Loading is
 * synchronous, so it delays no other warning; any other warning passes.
 */
function withoutExperimentalWarning<T>(load: () => T): T {
  const { emitWarning } = process;
  const all = emitWarning as (...parameters: unknown[]) => void;
  process.emitWarning = (...parameters: unknown[]) => {
    const [warning, type] = parameters;
    const isOurs = type === 'ExperimentalWarning' && /^SQLite\b/.test(String(warning));
    if (!isOurs) all.apply(process, parameters);
  };
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Returns the result code of SQLite without its extension; `undefined` for any other error. */
export function resultCodeOf(error: unknown): number | undefined {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  return code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number' ? errcode & 0xff : undefined;
}

/** Checks whether another connection is writing right now, so that a retry helps. */
export function isBusy(error: unknown): boolean {
  const code = resultCodeOf(error);
  return code === 5 || code === 6;
}
