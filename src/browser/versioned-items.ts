/**
 * Items of a web storage with versions: read when they are up to date, replaced by compare-and-set.
 *
 * @module
 */

import type { Stored, Version } from '../core/contracts.ts';
import { ConfigurationError, StorageError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { type StorageOperation, versionConflict } from '../core/stored-record.ts';
import { randomId } from '../platform/web-crypto.ts';
import { onPageLifecycle } from './page-lifecycle.ts';
import { type MayAct, toLockName, withBriefLock } from './platform-locks.ts';
import { serverRenderingRemedy } from './server-rendering.ts';
import { siteDataRemedy } from './site-data.ts';
import { newestVersion, publishVersion, type VersionLock, versionOrder } from './version-lock.ts';

interface Item {
  readonly version: string;
  readonly record: unknown;
}

/** Prefix of the versions of foreign texts. */
const foreignVersion = 'foreign';

/** Time limit for a published item to become visible, in ms. Usually it takes one or two. */
const visibilityTimeoutMs = 5_000;

export class VersionedItems {
  readonly #area: () => Storage;
  /** Functions that withdraw the published version of each item. */
  readonly #versionLocks: Map<string, () => void> = new Map();
  #isWatchingPage = false;

  constructor(area: () => Storage) {
    this.#area = area;
  }

  async read(name: string): Promise<Stored | undefined> {
    return (await this.#readCurrent('read', name)).item;
  }

  async write(name: string, text: string, ifVersion: Version | undefined): Promise<string> {
    return await this.#runExclusively('write', name, async (mayAct) => {
      const { item, latest } = await this.#readCurrent('write', name);
      const version = nextVersion(item, latest);
      // From here to the end of `setItem` no other code of this tab runs. The lock excludes other tabs.
      this.#assertVersion('write', name, { ifVersion, mayAct });
      const json = `{"version":"${version}","record":${text}}`;
      runOnStorage('write', () => this.#area().setItem(name, json));
      await this.#publish(name, version, false);
      return version;
    });
  }

  /** Resolves with whether there was an item. */
  async remove(name: string, ifVersion: Version | undefined): Promise<boolean> {
    return await this.#runExclusively('delete', name, async (mayAct) => {
      // Without a version any item is removed, even an old one.
      const { item, latest } = await this.#readCurrent('delete', name).catch((error: unknown) => {
        if (ifVersion !== undefined) throw error;
        return { item: this.#readItem('delete', name), latest: undefined };
      });
      if (ifVersion !== undefined) this.#assertVersion('delete', name, { ifVersion, mayAct });
      runOnStorage('delete', () => this.#area().removeItem(name));
      if (item !== undefined) await this.#publish(name, nextVersion(item, latest), true);
      return item !== undefined;
    });
  }

  /** Returns the item as its last writer left it, although this process may see that only now. */
  async #readCurrent(
    operation: StorageOperation,
    name: string,
  ): Promise<{ item: Item | undefined; latest: VersionLock | undefined }> {
    for (const start = performance.now(); ; ) {
      const latest = this.#locks && (await newestVersion(this.#locks, name));
      const item = this.#readItem(operation, name);
      if (isUpToDate(item, latest)) return { item, latest };
      const waited = performance.now() - start;
      // Other code has cleared the storage meanwhile.
      if (item === undefined && waited > visibilityTimeoutMs / 5) return { item, latest };
      if (waited > visibilityTimeoutMs)
        throw storageError(operation, 'This tab does not see yet what another tab has stored.');
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  #readItem(operation: StorageOperation, name: string): Item | undefined {
    const text: unknown = runOnStorage(operation, () => this.#area().getItem(name));
    if (typeof text !== 'string' && text !== null) throw notWebStorage(text);
    return text === null ? undefined : itemOf(text);
  }

  #assertVersion(
    operation: 'write' | 'delete',
    name: string,
    condition: { ifVersion: Version | undefined; mayAct: MayAct },
  ): void {
    if (this.#readItem(operation, name)?.version !== condition.ifVersion) {
      throw versionConflict(operation);
    }
    if (!condition.mayAct())
      throw storageError(operation, 'This tab was frozen while it stored the session.');
  }

  /** Runs a task while other tabs are locked out. Where that is not possible, the lock of the manager has to suffice. */
  async #runExclusively<T>(
    operation: StorageOperation,
    name: string,
    task: (mayAct: MayAct) => Promise<T>,
  ): Promise<T> {
    const locks = this.#locks;
    if (locks === undefined) return await task(() => true);
    try {
      return await withBriefLock(locks, `tokenkeep.write:${await toLockName(name)}`, task);
    } catch (error) {
      if (error instanceof StorageError || error instanceof ConfigurationError) throw error;
      throw storageError(operation, 'The browser refused a Web Lock.', error);
    }
  }

  async #publish(name: string, version: string, removed: boolean): Promise<void> {
    const locks = this.#locks;
    if (locks === undefined) return;
    const release = await publishVersion(locks, name, { version, removed });
    this.#versionLocks.get(name)?.();
    this.#versionLocks.set(name, release);
    if (this.#isWatchingPage) return;
    this.#isWatchingPage = true;
    // A page that holds a lock is not kept in the back/forward cache by every browser.
    onPageLifecycle(
      () => {},
      () => this.#releaseVersionLocks(),
    );
  }

  #releaseVersionLocks(): void {
    for (const release of this.#versionLocks.values()) release();
    this.#versionLocks.clear();
  }

  /** The Web Locks; `undefined` if there are none, or for a `sessionStorage`, which no other tab sees. */
  get #locks(): LockManager | undefined {
    try {
      const { navigator, sessionStorage } = globalThis as { navigator?: Navigator; sessionStorage?: Storage };
      return this.#area() === sessionStorage ? undefined : navigator?.locks;
    } catch {
      return undefined; // blocked: the next operation reports it
    }
  }
}

function isUpToDate(item: Item | undefined, latest: VersionLock | undefined): boolean {
  if (latest === undefined) return true;
  if (item === undefined) return latest.removed;
  if (item.version.startsWith(foreignVersion)) return true;
  const order = versionOrder(item.version);
  return latest.removed ? order > latest.order : order >= latest.order;
}

/** Returns a unique version that follows all others. */
function nextVersion(item: Item | undefined, latest: VersionLock | undefined): string {
  const last = Math.max(item === undefined ? 0 : versionOrder(item.version), latest?.order ?? 0);
  return `${Math.max(Date.now(), last + 1)}.${randomId()}`;
}

/** Parses an item. A foreign text is returned unchanged, under a version by which it can be replaced. */
function itemOf(text: string): Item {
  try {
    const { version, record } = JSON.parse(text) as Partial<Item>;
    if (typeof version === 'string' && /^\d+\.[0-9a-f-]{36}$/.test(version)) return { version, record };
  } catch {}
  return { version: `${foreignVersion} ${text.length} ${checksum(text)}`, record: text };
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
    explain(
      'browser-storage',
      isLater
        ? 'webStorage(storage): this storage returns promises, as AsyncStorage does. Wrap it in your own TokenStorage.'
        : 'webStorage(storage): this is not a Storage. Pass () => localStorage, in a page.',
    ),
  );
}

function runOnStorage<T>(operation: StorageOperation, run: () => T): T {
  try {
    return run();
  } catch (error) {
    const { name } = (error ?? {}) as { name?: string };
    if (name === 'QuotaExceededError' || name === 'NS_ERROR_DOM_QUOTA_REACHED') {
      throw storageError(operation, 'The storage of this site is full.', error);
    }
    if (name === 'SecurityError') throw storageError(operation, siteDataRemedy(), error);
    if (name === 'ReferenceError')
      throw storageError(operation, `There is no such storage here. ${serverRenderingRemedy}`, error);
    // The function returned another value, such as `undefined`.
    if (name === 'TypeError')
      throw storageError(
        operation,
        `There is no such storage here. Pass () => localStorage, in a page.`,
        error,
      );
    throw storageError(operation, 'The storage of the browser failed.', error);
  }
}

function storageError(operation: StorageOperation, what: string, error?: unknown): StorageError {
  const { name = 'Error', message = '' } = (error ?? {}) as { name?: string; message?: string };
  // A copy, without references from the platform's error.
  const cause = error === undefined ? undefined : Object.assign(new Error(message), { name });
  return new StorageError(what, { operation, cause });
}
