/**
 * Entries that wait for the user to come back from the server, each under its `state`: several can be in progress, in several tabs.
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

/** Maximum number of pending entries. A `Map` may serve a whole backend. */
const maxInWebStorage = 50;
const maxInMap = 10_000;

interface Expiring {
  /** Expiry, in Unix ms. */
  readonly expiresAt: number;
}

export class PendingEntries<Entry extends Expiring> {
  readonly #name: string;
  readonly #prefix: string;
  readonly #required: keyof Entry;

  /** @param required a member that is a text in each entry. A value without it is not an entry. */
  constructor(name: 'login' | 'logout', required: keyof Entry) {
    this.#name = name;
    this.#prefix = `tokenkeep.${name}.`;
    this.#required = required;
  }

  /** Stores an entry. Resolves with the entries that were removed: expired ones, and the oldest of too many. @throws StorageError */
  async store(pending: PendingLogins, state: string, entry: Entry, now: number): Promise<readonly Entry[]> {
    try {
      const abandoned = this.#removeExpired(pending, now);
      await this.#write(pending, state, entry);
      return abandoned;
    } catch (error) {
      throw this.#failure('write', error, [state, ...Object.values(entry)]);
    }
  }

  /** Stores an entry again if its response could not be used yet. Best effort: if it fails, the user begins again. */
  async restore(pending: PendingLogins, state: string, entry: Entry): Promise<boolean> {
    try {
      await this.#write(pending, state, entry);
      return true;
    } catch {
      return false;
    }
  }

  /** Removes and returns the entry that is pending under `state`, or returns `undefined`. @throws StorageError */
  async take(pending: PendingLogins, state: string): Promise<Entry | undefined> {
    let operation: 'read' | 'delete' = 'read';
    try {
      const store = storeOf(pending);
      const found = store.getItem(this.#prefix + state);
      // No `await` for a synchronous storage: otherwise two simultaneous responses could find the same entry.
      const text = typeof found === 'object' && found !== null ? await found : found;
      if (text === null) return undefined;
      operation = 'delete';
      await store.removeItem(this.#prefix + state);
      return this.#parse(text);
    } catch (error) {
      throw this.#failure(operation, error, [state]);
    }
  }

  async #write(pending: PendingLogins, state: string, entry: Entry): Promise<void> {
    await storeOf(pending).setItem(this.#prefix + state, JSON.stringify(entry));
  }

  /** @param texts texts of the entry. An error of the storage may quote them, so they are removed from it. */
  #failure(operation: 'read' | 'write' | 'delete', error: unknown, texts: readonly unknown[]): StorageError {
    const done = { read: 'read', write: 'stored', delete: 'removed' }[operation];
    const secrets = texts.filter((one) => typeof one === 'string');
    return new StorageError(
      `The pending ${this.#name} could not be ${done}. Check the option pending, and whether the browser blocks site data.`,
      { operation, cause: safeCause(error, secrets) },
    );
  }

  /** Removes expired entries, and the oldest of too many, if the storage can list its names synchronously. */
  #removeExpired(pending: PendingLogins, now: number): Entry[] {
    const store = storeOf(pending);
    const found: { readonly name: string; readonly entry: Entry | undefined }[] = [];
    for (const name of namesIn(pending).filter((one) => one.startsWith(this.#prefix))) {
      const text = store.getItem(name);
      if (typeof text === 'string') found.push({ name, entry: this.#parse(text) });
    }
    // An unreadable entry counts as expired.
    const end = (entry: Entry | undefined) => entry?.expiresAt ?? 0;
    found.sort((one, other) => end(other.entry) - end(one.entry));
    const max = 'getItem' in pending ? maxInWebStorage : maxInMap;
    const removed = found.filter(({ entry }, index) => end(entry) <= now || index >= max - 1);
    for (const { name } of removed) store.removeItem(name);
    return removed.flatMap(({ entry }) => entry ?? []);
  }

  #parse(text: string): Entry | undefined {
    try {
      const entry = JSON.parse(text) as Partial<Entry> | null;
      const isEntry = typeof entry?.[this.#required] === 'string' && Number.isFinite(entry.expiresAt);
      return isEntry ? (entry as Entry) : undefined;
    } catch {
      return undefined;
    }
  }
}

/** Returns the names in a storage, if it can list them synchronously. */
function namesIn(pending: PendingLogins): string[] {
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

/** Returns the storage of pending entries in one form. */
function storeOf(pending: PendingLogins): ItemStore {
  if ('getItem' in pending) return pending;
  return {
    getItem: (key) => pending.get(key) ?? null,
    setItem: (key, value) => pending.set(key, value),
    removeItem: (key) => pending.delete(key),
  };
}
