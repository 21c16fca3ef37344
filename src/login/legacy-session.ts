/**
 * Import of the session of another library, so that the user needs no login.
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import type { TokenSet } from '../core/oauth/token-set.ts';
import { internalsOf } from '../manager-internals.ts';
import { keepAlive } from '../platform/environment.ts';
import { type ImportResult, importIntoSession, type LegacySession } from '../session/import-session.ts';

/** A `TokenManager` as it was constructed, also one of `forSession()`, but not a proxy for one in another thread or process. */
export interface ImportingManager {
  /** Begins a session with the tokens of a login. */
  setTokens(tokens: TokenSet): Promise<void>;
  /** Returns a manager of another session. */
  forSession(id: string): object;
}

/**
 * Imports the session of a library that you replace, once. It reads the session where that library stored it, stores
 * it as the session of `manager`, and removes the original, so that old code which still runs finds no refresh token
 * to send. Call it at every start, and wait for it before the first request. Once nothing is left to import, it costs
 * one read.
 *
 * Of several tabs or processes that share a storage one imports the session, under its lock, and none refreshes
 * before the original is removed. If a process dies half-way, the next start completes the import. A session of the
 * manager is never replaced: a session found beside one is removed. A login or sign-out meanwhile takes precedence.
 *
 * Give the manager a storage that lasts as long as the original one: a session that moves from `localStorage` into
 * `memoryStorage()` ends with the page. The code that you replace must not run any more when this begins: a refresh
 * that it has sent already cannot be called back. Tabs that still run it find no session; reload them.
 *
 * @example
 * ```ts
 * import { TokenManager } from 'tokenkeep';
 * import { indexedDbStorage } from 'tokenkeep/browser';
 * import { importSession } from 'tokenkeep/login';
 *
 * const manager = new TokenManager({
 *   clientId: 'my-app',
 *   authorizationServer: { tokenEndpoint: 'https://auth.example.com/token' },
 *   protectedResources: ['https://api.example.com/'],
 *   storage: indexedDbStorage(),
 * });
 * const { outcome } = await importSession(manager, {
 *   read() {
 *     const accessToken = localStorage.getItem('accessToken');
 *     const refreshToken = localStorage.getItem('refreshToken');
 *     if (refreshToken === null) return undefined;
 *     return accessToken ? { accessToken, refreshToken } : { refused: 'no access token' };
 *   },
 *   remove() {
 *     localStorage.removeItem('accessToken');
 *     localStorage.removeItem('refreshToken');
 *   },
 * });
 * ```
 * @throws StorageError or LockTimeoutError if a storage could not be read, written or emptied: the session stays
 *   in its old storage. ConfigurationError for tokens that cannot be used here, and if `manager` is not a manager.
 */
export async function importSession(manager: ImportingManager, legacy: LegacySession): Promise<ImportResult> {
  const internals = internalsOf(manager);
  if (internals === undefined) {
    throw new ConfigurationError(
      explain(
        'import-session',
        'importSession(manager, …): this is no TokenManager of this copy of tokenkeep. Call it where the manager was constructed.',
      ),
    );
  }
  if (typeof legacy?.read !== 'function' || typeof legacy.remove !== 'function') {
    throw new ConfigurationError(
      explain('import-session', 'importSession(…, legacy): the legacy session needs read() and remove().'),
    );
  }
  return await keepAlive(importIntoSession(internals.context, internals.session, legacy));
}
