/**
 * Items of a web storage with versions: read when they are up to date, replaced by compare-and-set.
 *
 * @module
 */
import type { Stored, Version } from '../core/contracts.ts';
import { ConfigurationError, StorageError } from '../core/errors.ts';
import { randomId } from '../platform/web-crypto.ts';
import { leaveToPage } from './rendering.ts';
import { refusalWords } from './site-data.ts';
import { bearWitness, newestWitness, orderOf, type Witness } from './version-witness.ts';
import { whenItWakes } from './waking.ts';
import { type Alive, briefly, lockable } from './web-locks.ts';

type Operation = 'read' | 'write' | 'delete';

interface Item {
  readonly version: string;
  readonly record: unknown;
}

/** What the versions of texts begin with that are not ours. */
const foreign = 'foreign';

/** How long an item that has to come is waited for, in ms. Usually it takes one or two. */
const patience = 5_000;

export class Items {
  readonly #area: () => Storage;
  /** How to stop saying what the latest version of each item is. */
  readonly #said: Map<string, () => void> = new Map();
  #isWatchingPage = false;

  constructor(area: () => Storage) {
    this.#area = area;
  }

  async read(name: string): Promise<Stored | undefined> {
    return (await this.#upToDate('read', name)).item;
  }

  async write(name: string, text: string, ifVersion: Version | undefined): Promise<string> {
    return await this.#alone('write', name, async (alive) => {
      const { item, witness } = await this.#upToDate('write', name);
      const version = successor(item, witness);
      // From here to the end of `setItem` nothing else of this tab runs; other tabs are kept out by the lock.
      this.#expect('write', name, { ifVersion, alive });
      const json = `{"version":"${version}","record":${text}}`;
      attempt('write', () => this.#area().setItem(name, json));
      await this.#tell(name, version, false);
      return version;
    });
  }

  /** Resolves with whether there was anything. */
  async remove(name: string, ifVersion: Version | undefined): Promise<boolean> {
    return await this.#alone('delete', name, async (alive) => {
      // Without a version it goes, whatever it is, and however old.
      const { item, witness } = await this.#upToDate('delete', name).catch((error: unknown) => {
        if (ifVersion !== undefined) throw error;
        return { item: this.#look('delete', name), witness: undefined };
      });
      if (ifVersion !== undefined) this.#expect('delete', name, { ifVersion, alive });
      attempt('delete', () => this.#area().removeItem(name));
      if (item !== undefined) await this.#tell(name, successor(item, witness), true);
      return item !== undefined;
    });
  }

  /** The item as the last who wrote it left it, although this process may hear of it only now. */
  async #upToDate(
    operation: Operation,
    name: string,
  ): Promise<{ item: Item | undefined; witness: Witness | undefined }> {
    for (const start = performance.now(); ; ) {
      const witness = this.#locks && (await newestWitness(this.#locks, name));
      const item = this.#look(operation, name);
      if (isUpToDate(item, witness)) return { item, witness };
      const waited = performance.now() - start;
      // Someone has cleared the storage behind our back.
      if (item === undefined && waited > patience / 5) return { item, witness };
      if (waited > patience)
        throw failure(operation, 'This tab does not see yet what another one has stored.');
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  #look(operation: Operation, name: string): Item | undefined {
    const text: unknown = attempt(operation, () => this.#area().getItem(name));
    if (typeof text !== 'string' && text !== null) throw notWebStorage(text);
    return text === null ? undefined : itemOf(text);
  }

  #expect(
    operation: 'write' | 'delete',
    name: string,
    how: { ifVersion: Version | undefined; alive: Alive },
  ): void {
    if (this.#look(operation, name)?.version !== how.ifVersion) {
      throw new StorageError('Another version is stored than the one that was expected.', {
        operation,
        conflict: true,
      });
    }
    if (!how.alive()) throw failure(operation, 'This tab was frozen while it stored the session.');
  }

  /** Keeps other tabs out. Where that is not possible, the lock of the manager has to do. */
  async #alone<T>(operation: Operation, name: string, task: (alive: Alive) => Promise<T>): Promise<T> {
    const locks = this.#locks;
    if (locks === undefined) return await task(() => true);
    try {
      return await briefly(locks, `tokenkeep.write:${await lockable(name)}`, task);
    } catch (error) {
      if (error instanceof StorageError || error instanceof ConfigurationError) throw error;
      throw failure(operation, 'The browser refused a Web Lock.', error);
    }
  }

  async #tell(name: string, version: string, removed: boolean): Promise<void> {
    const locks = this.#locks;
    if (locks === undefined) return;
    const release = await bearWitness(locks, name, { version, removed });
    this.#said.get(name)?.();
    this.#said.set(name, release);
    if (this.#isWatchingPage) return;
    this.#isWatchingPage = true;
    // A page that holds a lock is not kept in the back/forward cache by every browser.
    whenItWakes(
      () => {},
      () => this.#beSilent(),
    );
  }

  #beSilent(): void {
    for (const release of this.#said.values()) release();
    this.#said.clear();
  }

  /** `undefined`: there are none, or this is a `sessionStorage`, which no other tab sees. */
  get #locks(): LockManager | undefined {
    try {
      const { navigator, sessionStorage } = globalThis as { navigator?: Navigator; sessionStorage?: Storage };
      return this.#area() === sessionStorage ? undefined : navigator?.locks;
    } catch {
      return undefined; // blocked: whatever comes next will say so
    }
  }
}

function isUpToDate(item: Item | undefined, witness: Witness | undefined): boolean {
  if (witness === undefined) return true;
  if (item === undefined) return witness.removed;
  if (item.version.startsWith(foreign)) return true;
  const order = orderOf(item.version);
  return witness.removed ? order > witness.order : order >= witness.order;
}

/** A version that comes after all others, and is nobody else's. */
function successor(item: Item | undefined, witness: Witness | undefined): string {
  const last = Math.max(item === undefined ? 0 : orderOf(item.version), witness?.order ?? 0);
  return `${Math.max(Date.now(), last + 1)}.${randomId()}`;
}

/** A text that is not ours is handed over as it is, under a version that it can be replaced by. */
function itemOf(text: string): Item {
  try {
    const { version, record } = JSON.parse(text) as Partial<Item>;
    if (typeof version === 'string' && /^\d+\.[0-9a-f-]{36}$/.test(version)) return { version, record };
  } catch {}
  return { version: `${foreign} ${text.length} ${checksum(text)}`, record: text };
}

function checksum(text: string): number {
  let sum = 0;
  for (let index = 0; index < text.length; index++) sum = (Math.imul(sum, 31) + text.charCodeAt(index)) | 0;
  return sum;
}

/** Returns the error for an object that is not a synchronous `Storage`: with any other, an item could change between compare and write. */
function notWebStorage(text: unknown): ConfigurationError {
  const isLater = typeof (text as { then?: unknown } | undefined)?.then === 'function';
  return new ConfigurationError(
    isLater
      ? 'webStorage(storage): this storage answers with promises, as AsyncStorage does. Make a storage of your own of it: see TokenStorage.'
      : 'webStorage(storage): this is no Storage. Give () => localStorage, in a page.',
  );
}

function attempt<T>(operation: Operation, run: () => T): T {
  try {
    return run();
  } catch (error) {
    const { name } = (error ?? {}) as { name?: string };
    if (name === 'QuotaExceededError' || name === 'NS_ERROR_DOM_QUOTA_REACHED') {
      throw failure(operation, 'The storage of this site is full.', error);
    }
    if (name === 'SecurityError') throw failure(operation, refusalWords(), error);
    if (name === 'ReferenceError')
      throw failure(operation, `There is no such storage here. ${leaveToPage}`, error);
    // The function gave something else, such as nothing at all.
    if (name === 'TypeError')
      throw failure(operation, `There is no such storage here. Give () => localStorage, in a page.`, error);
    throw failure(operation, 'The storage of the browser failed.', error);
  }
}

function failure(operation: Operation, what: string, error?: unknown): StorageError {
  const { name = 'Error', message = '' } = (error ?? {}) as { name?: string; message?: string };
  // A copy: nothing that the platform's error leads to comes along.
  const cause = error === undefined ? undefined : Object.assign(new Error(message), { name });
  return new StorageError(what, { operation, cause });
}
