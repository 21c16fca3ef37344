/**
 * Notices changes that others make to the file. Nothing runs without watchers, and nothing keeps the process alive.
 *
 * @module
 */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** The version under which a key is stored, `undefined` if nothing is. */
export type StoredVersion = string | undefined;

export interface VersionReader {
  /** Returns the stored version, if it is known at once. */
  peek(key: string): { readonly value: StoredVersion } | undefined;
  /** Reads the stored version. May reject: then there is nothing to report. */
  read(keys: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

interface Subscription {
  readonly key: string;
  readonly listener: () => void;
  /** The last version that it knows; `undefined` until the file was read. */
  lastSeen: { readonly value: StoredVersion } | undefined;
}

/** How long a burst of changes is gathered before they are looked at, in ms. */
const debounceMs = 4;
/** How often to look in any case, in ms: a directory that was replaced, or a system that does not say, is noticed so. */
const pollIntervalMs = 1000;

export class FileWatcher {
  readonly #path: string;
  readonly #versions: VersionReader;
  readonly #watchers: Set<Subscription> = new Set();
  #systemWatcher: FSWatcher | undefined;
  #pollTimer: NodeJS.Timeout | undefined;
  #debounceTimer: NodeJS.Timeout | undefined;

  constructor(path: string, versions: VersionReader) {
    this.#path = path;
    this.#versions = versions;
  }

  watch(key: string, listener: () => void): () => void {
    const watcher: Subscription = { key, listener, lastSeen: this.#versions.peek(key) };
    this.#watchers.add(watcher);
    this.#pollTimer ??= setInterval(() => this.#poll(), pollIntervalMs).unref();
    this.#watchDirectory();
    this.#poll();
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.#stop();
    };
  }

  /** Notifies watchers of a change that was made through this handle. */
  notifyChange(key: string, version: StoredVersion): void {
    for (const watcher of this.#watchers) if (watcher.key === key) this.#notify(watcher, version);
  }

  #notify(watcher: Subscription, version: StoredVersion): void {
    watcher.lastSeen = { value: version };
    queueMicrotask(() => {
      if (!this.#watchers.has(watcher)) return;
      try {
        watcher.listener();
      } catch {
        // A watcher's error is its own: the write that it reports has long succeeded.
      }
    });
  }

  async #poll(): Promise<void> {
    this.#debounceTimer = undefined;
    const watchers = [...this.#watchers];
    const before = watchers.map(({ lastSeen: known }) => known);
    const found = await this.#versions.read(watchers.map(({ key }) => key)).catch(() => undefined);
    if (this.#watchers.size === 0) return;
    if (this.#watchDirectory()) this.#pollSoon(); // there may have been a change since the first look, and before the system reports
    if (found === undefined) return;
    for (const [index, watcher] of watchers.entries()) {
      const version = found.get(watcher.key);
      // A notification that arrived meanwhile is newer than the version that was read.
      if (watcher.lastSeen !== before[index]) continue;
      if (watcher.lastSeen?.value !== version) this.#notify(watcher, version);
      else watcher.lastSeen = { value: version };
    }
  }

  /**
   * Starts watching the directory, and returns whether that worked: the file itself is replaced, and its log comes
   * and goes.
   */
  #watchDirectory(): boolean {
    if (this.#systemWatcher !== undefined) {
      this.#systemWatcher.unref();
      return false;
    }
    const own = basename(this.#path);
    const names: readonly (string | null)[] = [own, `${own}-wal`, null];
    try {
      this.#systemWatcher = watch(dirname(this.#path), { persistent: false }, (_, name) => {
        if (names.includes(name)) this.#pollSoon();
      });
      this.#systemWatcher.unref(); // Deno 2.9 does not know `persistent`, and forgets this with every event
      this.#systemWatcher.on('error', () => this.#closeSystemWatcher());
      return true;
    } catch {
      return false; // polling reports changes, and tries again
    }
  }

  #pollSoon(): void {
    this.#debounceTimer ??= setTimeout(() => this.#poll(), debounceMs).unref();
  }

  #closeSystemWatcher(): void {
    this.#systemWatcher?.close();
    this.#systemWatcher = undefined;
  }

  #stop(): void {
    this.#closeSystemWatcher();
    clearInterval(this.#pollTimer);
    clearTimeout(this.#debounceTimer);
    this.#pollTimer = undefined;
    this.#debounceTimer = undefined;
  }
}
