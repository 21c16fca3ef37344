import type { Reach, Stored, TokenLock, TokenStorage, Version } from '../../../../../src/core/contracts.ts';
import { StorageError } from '../../../../../src/core/errors.ts';
import { ReferenceLock, ReferenceQueues } from './reference-lock.ts';

/** State that all handles of one storage share. */
export class ReferenceMedium {
  readonly texts = new Map<string, { text: string; version: Version }>();
  readonly watchers = new Set<{ key: string; listener: () => void; owner: object }>();
  readonly queues: ReferenceQueues = new ReferenceQueues();
  /** State that a broken double needs for all handles. */
  readonly notes = new Map<string, number>();
  isBroken = false;
  latest = 0;
}

/**
 * A correct storage, as plain as can be, in steps that a broken double can replace one at a time. All I/O takes a turn of the
 * microtask queue before and after, so that calls interleave.
 */
export class ReferenceStorage implements TokenStorage {
  readonly reach: Reach = 'machine';
  readonly lock: TokenLock;
  readonly medium: ReferenceMedium;

  constructor(medium: ReferenceMedium) {
    this.medium = medium;
    this.lock = new ReferenceLock(medium.queues);
  }

  async read(key: string): Promise<Stored | undefined> {
    await Promise.resolve();
    this.reachMedium('read');
    const found = this.medium.texts.get(this.place(key));
    return found && { record: this.parse(found.text), version: found.version };
  }

  async write(key: string, record: object, ifVersion: Version | undefined): Promise<Version> {
    const text = this.serialize(record);
    await Promise.resolve();
    this.reachMedium('write');
    this.compare(key, ifVersion, 'write');
    const version = this.nextVersion(key, text);
    this.put(key, text, version);
    this.tell(key);
    await Promise.resolve();
    return version;
  }

  async delete(key: string, ifVersion?: Version): Promise<void> {
    await Promise.resolve();
    this.reachMedium('delete');
    const isThere = this.medium.texts.has(this.place(key));
    if (ifVersion !== undefined) this.compare(key, ifVersion, 'delete');
    this.remove(key);
    if (isThere) this.tell(key);
    await Promise.resolve();
  }

  watch(key: string, listener: () => void): () => void {
    const watcher = { key: this.place(key), listener, owner: this };
    this.medium.watchers.add(watcher);
    return () => void this.medium.watchers.delete(watcher);
  }

  protected place(key: string): string {
    return key;
  }

  protected serialize(record: object): string {
    try {
      return JSON.stringify(record);
    } catch (cause) {
      throw new StorageError('The record is not JSON.', { operation: 'write', cause });
    }
  }

  protected parse(text: string): unknown {
    return JSON.parse(text);
  }

  protected reachMedium(operation: 'read' | 'write' | 'delete'): void {
    if (this.medium.isBroken) throw new StorageError('The medium is broken.', { operation });
  }

  protected compare(key: string, ifVersion: Version | undefined, operation: 'write' | 'delete'): void {
    if (this.medium.texts.get(this.place(key))?.version !== ifVersion) this.conflict(operation);
  }

  protected conflict(operation: 'write' | 'delete'): never {
    throw new StorageError('Another version is stored.', { operation, conflict: true });
  }

  protected nextVersion(_key: string, _text: string): Version {
    return ++this.medium.latest;
  }

  protected put(key: string, text: string, version: Version): void {
    this.medium.texts.set(this.place(key), { text, version });
  }

  protected remove(key: string): void {
    this.medium.texts.delete(this.place(key));
  }

  protected tell(key: string): void {
    for (const watcher of [...this.medium.watchers]) {
      if (watcher.key === this.place(key)) queueMicrotask(() => this.call(watcher));
    }
  }

  protected call(watcher: { key: string; listener: () => void; owner: object }): void {
    if (!this.medium.watchers.has(watcher)) return;
    try {
      watcher.listener();
    } catch {
      // a listener that throws harms nobody
    }
  }
}
