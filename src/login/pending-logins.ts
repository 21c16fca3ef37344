/**
 * Logins that wait for their answer, each under its own `state`: several can be under way, in several tabs.
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';

/** Keeps texts by name: `sessionStorage`, `localStorage`, or a storage of your own that may take its time. */
export interface ItemStore {
  /**
   * The text of this name; `null`: there is none. A storage that several processes share best removes it in the same step
   * (`GETDEL`, `DELETE … RETURNING`): of two answers at the same time one finds it.
   */
  getItem(key: string): string | null | Promise<string | null>;
  /** Keeps a text. */
  setItem(key: string, value: string): unknown;
  /** Forgets a text. */
  removeItem(key: string): unknown;
}

/**
 * Where logins wait for their answer. What is kept there holds the secret of the login, so it belongs to one user:
 * `sessionStorage` in a page, the user's own web session in a backend.
 */
export type PendingLogins = ItemStore | Map<string, string>;

/** A login that waits. */
export interface PendingLogin {
  readonly issuer: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly verifier: string;
  /** Where `openid` was asked for. */
  readonly nonce?: string | undefined;
  readonly scope?: readonly string[] | undefined;
  /** Seconds: how old the user's authentication may be. */
  readonly maxAge?: number | undefined;
  readonly returnTo?: string | undefined;
  /** Of the key that the code is bound to. */
  readonly thumbprint?: string | undefined;
  /** Unix ms. */
  readonly expiresAt: number;
}

const prefix = 'tokenkeep.login.';

/** Resolves with those that nobody came back for: they are gone now. */
export async function keepPending(
  pending: PendingLogins,
  state: string,
  login: PendingLogin,
  now: number,
): Promise<readonly PendingLogin[]> {
  const abandoned = sweep(pending, now);
  await storeOf(pending).setItem(prefix + state, JSON.stringify(login));
  return abandoned;
}

/** The login that waits under `state`; it waits no more. `undefined`: none does. */
export async function takePending(pending: PendingLogins, state: string): Promise<PendingLogin | undefined> {
  const store = storeOf(pending);
  const found = store.getItem(prefix + state);
  // Where the storage does not wait, nor do we: of two answers at the same time one would find what the other takes.
  const text = typeof found === 'object' && found !== null ? await found : found;
  if (text === null) return undefined;
  await store.removeItem(prefix + state);
  return read(text);
}

/** Takes out what nobody came back for, where the names can be listed without waiting. */
function sweep(pending: PendingLogins, now: number): PendingLogin[] {
  const abandoned: PendingLogin[] = [];
  const names = 'getItem' in pending ? namesOf(pending) : [...pending.keys()];
  const store = storeOf(pending);
  for (const name of names.filter((one) => one.startsWith(prefix))) {
    const text = store.getItem(name);
    const login = typeof text === 'string' ? read(text) : undefined;
    if (login === undefined || login.expiresAt > now) continue;
    store.removeItem(name);
    abandoned.push(login);
  }
  return abandoned;
}

function namesOf(store: ItemStore): string[] {
  const { length, key } = store as Partial<Pick<Storage, 'length' | 'key'>>;
  if (typeof length !== 'number' || typeof key !== 'function') return [];
  return Array.from({ length }, (_, index) => key.call(store, index) ?? '');
}

/** @throws ConfigurationError for what keeps nothing. */
export function requirePending(pending: PendingLogins | undefined): void {
  const { getItem, get } = (pending ?? {}) as Partial<ItemStore & Map<string, string>>;
  if (typeof (getItem ?? get) === 'function') return;
  throw new ConfigurationError('The option pending must be a Storage of the page, or a Map of one user.');
}

function storeOf(pending: PendingLogins): ItemStore {
  if ('getItem' in pending) return pending;
  return {
    getItem: (key) => pending.get(key) ?? null,
    setItem: (key, value) => pending.set(key, value),
    removeItem: (key) => pending.delete(key),
  };
}

function read(text: string): PendingLogin | undefined {
  try {
    const login = JSON.parse(text) as Partial<PendingLogin> | null;
    const whole = typeof login?.verifier === 'string' && typeof login.expiresAt === 'number';
    return whole ? (login as PendingLogin) : undefined;
  } catch {
    return undefined;
  }
}
