/** One storage that all processes share, with latency, failures and watchers. */
import type { TokenStorage, Version } from '../../src/index.ts';
import { StorageError } from '../../src/index.ts';
import { type Errand, errands, type Process } from './process.ts';
import type { Scheduler } from './scheduler.ts';
import type { StorageTrouble } from './weather.ts';

type Operation = 'read' | 'write' | 'delete';

interface Value {
  readonly text: string;
  readonly version: number;
}

/** Receives every change of the stored records, in the moment it happens. */
export interface DiskObserver {
  stored(errand: Errand | undefined, key: string, record: StoredRecord): void;
  deleted(errand: Errand | undefined, key: string, record: StoredRecord): void;
  /** A write failed, or its answer says so: the process believes that it was refused. */
  refused(errand: Errand | undefined, record: StoredRecord): void;
}

/** The stored record, as far as the laws refer to it. */
export interface StoredRecord {
  readonly refreshToken: string;
  readonly accessTokens: Readonly<Record<string, { token: string; issuedAt: number; expiresAt: number }>>;
  readonly pendingRefresh?: { readonly sends: number };
}

export interface DiskOptions {
  readonly scheduler: Scheduler;
  readonly observer: DiskObserver;
  readonly trouble: (operation: Operation) => StorageTrouble | undefined;
  /** Names a record in the schedule. */
  readonly describe: (record: StoredRecord) => string;
}

export class Disk {
  readonly #options: DiskOptions;
  readonly #values: Map<string, Value> = new Map();
  readonly #watchers: Set<{
    readonly key: string;
    readonly process: Process;
    readonly listener: () => void;
  }> = new Set();
  #lastVersion = 0;

  constructor(options: DiskOptions) {
    this.#options = options;
  }

  /** Returns the stored record. */
  peek(key: string): StoredRecord | undefined {
    const value = this.#values.get(key);
    return value && (JSON.parse(value.text) as StoredRecord);
  }

  /** The storage as one process sees it. */
  seenBy(process: Process): TokenStorage {
    return {
      reach: 'cluster',
      read: (key) =>
        this.#operate(process, { on: 'read', key }, () => {
          const value = this.#values.get(key);
          return value && { record: JSON.parse(value.text) as unknown, version: value.version };
        }),
      write: (key, record, ifVersion) => {
        const text = JSON.stringify(record);
        return this.#operate(process, { on: 'write', key, text }, (errand) =>
          this.#write(errand, key, text, ifVersion),
        );
      },
      delete: (key, ifVersion) =>
        this.#operate(process, { on: 'delete', key }, (errand) => this.#delete(errand, key, ifVersion)),
      watch: (key, listener) => {
        const watcher = { key, process, listener };
        this.#watchers.add(watcher);
        return () => this.#watchers.delete(watcher);
      },
    };
  }

  #write(errand: Errand | undefined, key: string, text: string, ifVersion: Version | undefined): Version {
    this.#expect('write', key, ifVersion);
    const version = ++this.#lastVersion;
    this.#values.set(key, { text, version });
    this.#options.observer.stored(errand, key, JSON.parse(text));
    this.#tell(key);
    return version;
  }

  #delete(errand: Errand | undefined, key: string, ifVersion: Version | undefined): void {
    if (ifVersion !== undefined) this.#expect('delete', key, ifVersion);
    const before = this.peek(key);
    if (before === undefined) return;
    this.#values.delete(key);
    this.#options.observer.deleted(errand, key, before);
    this.#tell(key);
  }

  #expect(operation: 'write' | 'delete', key: string, version: Version | undefined): void {
    if (this.#values.get(key)?.version !== version) throw conflict(operation);
  }

  #tell(key: string): void {
    const { chance } = this.#options.scheduler;
    for (const watcher of this.#watchers) {
      if (watcher.key !== key || !watcher.process.alive) continue;
      watcher.process.deliver(chance.between(0, 30), `hears of ${key}`, () => {
        if (this.#watchers.has(watcher)) watcher.listener();
      });
    }
  }

  /** There and back. A process that dies on the way has sent it or not, as chance will have it. */
  #operate<T>(
    process: Process,
    { on, key, text }: { on: Operation; key: string; text?: string },
    effect: (errand: Errand | undefined) => T,
  ): Promise<T> {
    const { scheduler, observer, describe } = this.#options;
    const { chance } = scheduler;
    const errand = errands.getStore();
    const trouble = this.#options.trouble(on);
    const survives = chance.happens(0.5);
    const record = text === undefined ? undefined : (JSON.parse(text) as StoredRecord);
    const what = `${on} ${key}${record ? ` ${describe(record)}` : ''}`;
    const there =
      trouble === 'slow' ? chance.between(500, 25_000) : chance.between(0, chance.pick([2, 20, 200]));
    const back = chance.between(0, chance.pick([2, 20]));
    return new Promise((resolve, reject) => {
      const answer = (label: string, settle: () => void) => {
        if (trouble !== 'hang') process.deliver(back, `is answered: ${what} ${label}`, settle);
      };
      const fail = (error: StorageError) => {
        if (record !== undefined) observer.refused(errand, record);
        answer('and fails', () => reject(error));
      };
      if (trouble === 'hang' && record !== undefined) observer.refused(errand, record);
      scheduler.after(
        there,
        `  storage: ${what} for ${process.name}${trouble ? ` (${trouble})` : ''}`,
        () => {
          if (!process.alive && !survives) return;
          if (trouble === 'before')
            return fail(new StorageError(`The disk is full: ${text ?? key}`, { operation: on }));
          try {
            const result = effect(errand);
            if (trouble === 'after')
              return fail(new StorageError('The response was lost.', { operation: on }));
            if (trouble === 'conflict' && on === 'write') return fail(conflict(on));
            answer('done', () => resolve(result));
          } catch (error) {
            answer('conflict', () => reject(error));
          }
        },
      );
    });
  }
}

function conflict(operation: 'write' | 'delete'): StorageError {
  return new StorageError('Another version is stored.', { operation, conflict: true });
}
