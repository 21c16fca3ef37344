/**
 * Logins that wait for their response, each under its `state`: several can be in progress, in several tabs.
 *
 * @module
 */

import { ConfigurationError, StorageError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { safeCause } from '../core/http/network-error.ts';

/** Storage of texts by name: `sessionStorage`, `localStorage`, or a custom storage, which may be asynchronous. */
export interface ItemStore {
  /**
   * Returns the text of this name, or `null`. A storage that several processes share should remove it in the same
   * step (`GETDEL`, `DELETE … RETURNING`), so that of two responses at the same time only one finds it.
   */
  getItem(key: string): string | null | Promise<string | null>;
  /** Stores a text. */
  setItem(key: string, value: string): unknown;
  /** Removes a text. */
  removeItem(key: string): unknown;
}

/**
 * Storage for pending logins. An entry contains the secret of the login, so it belongs to one user: `sessionStorage`
 * in a page, the user's own web session in a backend.
 *
 * A new login removes those that have expired, and the oldest ones when there are more than 50 in a Web Storage or 10 000 in
 * a `Map`. A storage of your own whose names cannot be listed (`length`, `key()`) has to limit them itself.
 */
export type PendingLogins = ItemStore | Map<string, string>;

/** A pending login. */
export interface PendingLogin {
  readonly issuer: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly verifier: string;
  /** The nonce, if `openid` was requested. */
  readonly nonce?: string | undefined;
  readonly scope?: readonly string[] | undefined;
  /** Maximum age of the user's authentication, in seconds. */
  readonly maxAge?: number | undefined;
  readonly returnTo?: string | undefined;
  /** Thumbprint of the key that the code is bound to. */
  readonly thumbprint?: string | undefined;
  /** Expiry, in Unix ms. */
  readonly expiresAt: number;
}

const prefix = 'tokenkeep.login.';
/** Maximum number of pending logins. A `Map` may serve a whole backend. */
const maxInWebStorage = 50;
const maxInMap = 10_000;

/** Stores a login. Resolves with the logins that were removed: expired ones, and the oldest of too many. @throws StorageError */
export async function storePendingLogin(
  pending: PendingLogins,
  state: string,
  login: PendingLogin,
  now: number,
): Promise<readonly PendingLogin[]> {
  try {
    const abandoned = removeExpired(pending, now);
    await storeOf(pending).setItem(prefix + state, JSON.stringify(login));
    return abandoned;
  } catch (error) {
    throw storageFailed('write', error, [state, login.verifier, login.nonce]);
  }
}

/** Stores a login again if its response could not be used yet. Best effort: if it fails, the user begins another login. */
export async function restorePendingLogin(
  pending: PendingLogins,
  state: string,
  login: PendingLogin,
): Promise<boolean> {
  try {
    await storeOf(pending).setItem(prefix + state, JSON.stringify(login));
    return true;
  } catch {
    return false;
  }
}

/** Removes and returns the login that is pending under `state`, or returns `undefined`. @throws StorageError */
export async function takePendingLogin(
  pending: PendingLogins,
  state: string,
): Promise<PendingLogin | undefined> {
  let operation: 'read' | 'delete' = 'read';
  try {
    const store = storeOf(pending);
    const found = store.getItem(prefix + state);
    // No `await` for a synchronous storage: otherwise two simultaneous responses could find the same login.
    const text = typeof found === 'object' && found !== null ? await found : found;
    if (text === null) return undefined;
    operation = 'delete';
    await store.removeItem(prefix + state);
    return parsePendingLogin(text);
  } catch (error) {
    throw storageFailed(operation, error, [state]);
  }
}

function storageFailed(
  operation: 'read' | 'write' | 'delete',
  error: unknown,
  secrets: readonly (string | undefined)[],
): StorageError {
  const done = { read: 'read', write: 'stored', delete: 'removed' }[operation];
  return new StorageError(
    `The pending login could not be ${done}. Check the option pending, and whether the browser blocks site data.`,
    { operation, cause: safeCause(error, secrets) },
  );
}

/** Removes expired logins, and the oldest of too many, if the storage can list its names synchronously. */
function removeExpired(pending: PendingLogins, now: number): PendingLogin[] {
  const store = storeOf(pending);
  const pendingLogins: { readonly name: string; readonly login: PendingLogin | undefined }[] = [];
  for (const name of namesIn(pending).filter((one) => one.startsWith(prefix))) {
    const text = store.getItem(name);
    if (typeof text === 'string') pendingLogins.push({ name, login: parsePendingLogin(text) });
  }
  // An unreadable entry counts as expired.
  const end = (login: PendingLogin | undefined) => login?.expiresAt ?? 0;
  pendingLogins.sort((one, other) => end(other.login) - end(one.login));
  const max = 'getItem' in pending ? maxInWebStorage : maxInMap;
  const removed = pendingLogins.filter(({ login }, index) => end(login) <= now || index >= max - 1);
  for (const { name } of removed) store.removeItem(name);
  return removed.flatMap(({ login }) => login ?? []);
}

/** Returns the names in a storage, if it can list them synchronously. */
export function namesIn(pending: PendingLogins): string[] {
  return 'getItem' in pending ? namesOf(pending) : [...pending.keys()];
}

function namesOf(store: ItemStore): string[] {
  const { length, key } = store as Partial<Pick<Storage, 'length' | 'key'>>;
  if (typeof length !== 'number' || typeof key !== 'function') return [];
  return Array.from({ length }, (_, index) => key.call(store, index) ?? '');
}

/** @throws ConfigurationError for an object that cannot store texts. */
export function requirePendingLogins(pending: PendingLogins | undefined): void {
  const { getItem, get } = (pending ?? {}) as Partial<ItemStore & Map<string, string>>;
  if (typeof (getItem ?? get) === 'function') return;
  throw new ConfigurationError(
    `The option pending ${explain('login-options', 'must be a Storage of the page, or a Map of one user.')}`,
  );
}

/** Returns the storage of pending logins in one form. */
export function storeOf(pending: PendingLogins): ItemStore {
  if ('getItem' in pending) return pending;
  return {
    getItem: (key) => pending.get(key) ?? null,
    setItem: (key, value) => pending.set(key, value),
    removeItem: (key) => pending.delete(key),
  };
}

function parsePendingLogin(text: string): PendingLogin | undefined {
  try {
    const login = JSON.parse(text) as Partial<PendingLogin> | null;
    const isComplete = typeof login?.verifier === 'string' && Number.isFinite(login.expiresAt);
    return isComplete ? (login as PendingLogin) : undefined;
  } catch {
    return undefined;
  }
}
