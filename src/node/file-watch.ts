/**
 * Hearing of changes that others make to the file. Nothing runs while nobody watches, and nothing keeps the process alive.
 *
 * @module
 */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** The version under which a key is stored, `undefined` if nothing is. */
export type StoredVersion = string | undefined;

export interface Versions {
  /** What is stored now, if that can be told at once. */
  glance(key: string): { readonly seen: StoredVersion } | undefined;
  /** What is stored now. May reject: then there is nothing to tell. */
  look(keys: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

interface Watcher {
  readonly key: string;
  readonly listener: () => void;
  /** What it knows of; `undefined` until the file was looked at. */
  known: { readonly seen: StoredVersion } | undefined;
}

/** How long a burst of changes is gathered before they are looked at, in ms. */
const gathering = 4;
/** How often to look in any case, in ms: a directory that was replaced, or a system that does not say, is noticed so. */
const rounds = 1000;

export class FileWatch {
  readonly #path: string;
  readonly #versions: Versions;
  readonly #watchers: Set<Watcher> = new Set();
  #system: FSWatcher | undefined;
  #round: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;

  constructor(path: string, versions: Versions) {
    this.#path = path;
    this.#versions = versions;
  }

  add(key: string, listener: () => void): () => void {
    const watcher: Watcher = { key, listener, known: this.#versions.glance(key) };
    this.#watchers.add(watcher);
    this.#round ??= setInterval(() => this.#look(), rounds).unref();
    this.#listen();
    this.#look();
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.#stop();
    };
  }

  /** Tells of a change that was made through this handle. */
  changed(key: string, seen: StoredVersion): void {
    for (const watcher of this.#watchers) if (watcher.key === key) this.#tell(watcher, seen);
  }

  #tell(watcher: Watcher, seen: StoredVersion): void {
    watcher.known = { seen };
    queueMicrotask(() => {
      if (!this.#watchers.has(watcher)) return;
      try {
        watcher.listener();
      } catch {
        // A watcher's error is its own: the write that it was told of has long succeeded.
      }
    });
  }

  async #look(): Promise<void> {
    this.#soon = undefined;
    const watchers = [...this.#watchers];
    const before = watchers.map(({ known }) => known);
    const found = await this.#versions.look(watchers.map(({ key }) => key)).catch(() => undefined);
    if (this.#watchers.size === 0) return;
    if (this.#listen()) this.#lookSoon(); // since the first look, and before the system told, there may have been a change
    if (found === undefined) return;
    for (const [index, watcher] of watchers.entries()) {
      const seen = found.get(watcher.key);
      // What was told meanwhile is newer than what was looked up.
      if (watcher.known !== before[index]) continue;
      if (watcher.known?.seen !== seen) this.#tell(watcher, seen);
      else watcher.known = { seen };
    }
  }

  /** Whether it begins now: the system tells of the file, through its directory: the file itself is replaced, and its log comes and goes. */
  #listen(): boolean {
    if (this.#system !== undefined) {
      this.#system.unref();
      return false;
    }
    const own = basename(this.#path);
    const names: readonly (string | null)[] = [own, `${own}-wal`, null];
    try {
      this.#system = watch(dirname(this.#path), { persistent: false }, (_, name) => {
        if (names.includes(name)) this.#lookSoon();
      });
      this.#system.unref(); // Deno 2.9 does not know `persistent`, and forgets this with every event
      this.#system.on('error', () => this.#deaf());
      return true;
    } catch {
      return false; // the rounds tell, and try again
    }
  }

  #lookSoon(): void {
    this.#soon ??= setTimeout(() => this.#look(), gathering).unref();
  }

  #deaf(): void {
    this.#system?.close();
    this.#system = undefined;
  }

  #stop(): void {
    this.#deaf();
    clearInterval(this.#round);
    clearTimeout(this.#soon);
    this.#round = undefined;
    this.#soon = undefined;
  }
}
