/**
 * Notices changes to the file by other processes. Nothing runs without watchers, and nothing keeps the process alive.
 *
 * @module
 */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** The version under which a key is stored, `undefined` if nothing is. */
export type StoredVersion = string | undefined;

export interface VersionReader {
  /** Returns the stored version, if it is available at once. */
  peek(key: string): { readonly value: StoredVersion } | undefined;
  /** Reads the stored versions. May reject: then there is nothing to report. */
  read(keys: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

interface Subscription {
  readonly key: string;
  readonly listener: () => void;
  /** The last version that the watcher has seen; `undefined` until the file was read. */
  lastSeen: { readonly value: StoredVersion } | undefined;
}

/** Time for which changes are collected before the file is checked, in ms. */
const debounceMs = 4;
/** Interval of checks in any case, in ms: they notice a replaced directory, and changes that the system does not report. */
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
        // An error of a watcher must not fail the write, which has succeeded.
      }
    });
  }

  async #poll(): Promise<void> {
    this.#debounceTimer = undefined;
    const watchers = [...this.#watchers];
    const before = watchers.map(({ lastSeen: known }) => known);
    const found = await this.#versions.read(watchers.map(({ key }) => key)).catch(() => undefined);
    if (this.#watchers.size === 0) return;
    if (this.#watchDirectory()) this.#pollSoon(); // a change may have preceded the reports of the system
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
   * Starts watching the directory, because the file itself may be replaced, and its log is created and deleted. Returns whether that
   * worked.
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
      this.#systemWatcher.unref(); // Deno 2.9 ignores `persistent`, and keeps the process alive again after every event
      this.#systemWatcher.on('error', () => this.#closeSystemWatcher());
      return true;
    } catch {
      return false; // polling reports changes, and tries to watch again
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
