import type { Stored, TokenStorage, Version } from '../../../../../src/core/contracts.ts';
import { StorageError } from '../../../../../src/core/errors.ts';
import type { StorageFixture } from '../../../../../src/testing/index.ts';
import { ReferenceMedium, ReferenceStorage } from './reference-storage.ts';

/** A storage that breaks one law, as real ones do. */
export interface Broken<Fixture> {
  readonly does: string;
  /** The laws that it breaks: one, unless a storage cannot break it alone. */
  readonly laws: readonly string[];
  open(): Fixture;
}

type Handle = new (medium: ReferenceMedium) => TokenStorage;

export function fixtureOf(Storage: Handle): StorageFixture {
  const medium = new ReferenceMedium();
  return {
    storage: new Storage(medium),
    reopen: () => new Storage(medium),
    breakDown() {
      medium.isBroken = true;
      return () => {
        medium.isBroken = false;
      };
    },
  };
}

function broken(does: string, laws: number | readonly number[], Storage: Handle): Broken<StorageFixture> {
  return { does, laws: [laws].flat().map((law) => `storage-${law}`), open: () => fixtureOf(Storage) };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const values = [
  broken(
    'loses members with odd names',
    1,
    class extends ReferenceStorage {
      protected override parse(text: string): unknown {
        return Object.assign({}, JSON.parse(text));
      }
    },
  ),
  broken(
    'finds a record in an empty storage',
    1,
    class extends ReferenceStorage {
      override async read(key: string): Promise<Stored | undefined> {
        return (await super.read(key)) ?? (this.medium.latest === 0 ? { record: {}, version: 0 } : undefined);
      }
    },
  ),
  broken(
    'merges a record into the one before it',
    1,
    class extends ReferenceStorage {
      protected override put(key: string, text: string, version: Version): void {
        const before = JSON.parse(this.medium.texts.get(key)?.text ?? '{}');
        super.put(key, JSON.stringify({ ...before, ...JSON.parse(text) }), version);
      }
    },
  ),
  broken(
    'gives all readers the same object',
    1,
    class extends ReferenceStorage {
      readonly objects = new Map<string, unknown>();
      protected override parse(text: string): unknown {
        if (!this.objects.has(text)) this.objects.set(text, super.parse(text));
        return this.objects.get(text);
      }
    },
  ),
  broken(
    'looks at the record some time after the call',
    1,
    class extends ReferenceStorage {
      override async write(key: string, record: object, ifVersion: Version | undefined): Promise<Version> {
        await Promise.resolve();
        return super.write(key, record, ifVersion);
      }
    },
  ),
  broken(
    'refuses large records',
    1,
    class extends ReferenceStorage {
      protected override serialize(record: object): string {
        const text = super.serialize(record);
        if (text.length > 65_536) throw new StorageError('Too large.', { operation: 'write' });
        return text;
      }
    },
  ),
];

const visibility = [
  broken(
    'remembers what a handle has read until it writes itself',
    2,
    class extends ReferenceStorage {
      readonly read_ = new Map<string, Stored | undefined>();
      override async read(key: string): Promise<Stored | undefined> {
        if (!this.read_.has(key)) this.read_.set(key, await super.read(key));
        return structuredClone(this.read_.get(key));
      }
      override write(key: string, record: object, ifVersion: Version | undefined): Promise<Version> {
        this.read_.delete(key);
        return super.write(key, record, ifVersion).finally(() => this.read_.delete(key));
      }
      override delete(key: string, ifVersion?: Version): Promise<void> {
        return super.delete(key, ifVersion).finally(() => this.read_.delete(key));
      }
    },
  ),
  broken(
    'reads nothing before it has loaded',
    2,
    class extends ReferenceStorage {
      readonly notLoaded: Set<string>;
      constructor(medium: ReferenceMedium) {
        super(medium);
        this.notLoaded = new Set(medium.texts.keys());
      }
      override read(key: string): Promise<Stored | undefined> {
        return this.notLoaded.delete(key) ? Promise.resolve(undefined) : super.read(key);
      }
    },
  ),
  broken(
    'has a lock that reaches less far',
    2,
    class extends ReferenceStorage {
      constructor(medium: ReferenceMedium) {
        super(medium);
        Object.assign(this.lock, { reach: 'process' });
      }
    },
  ),
];

const writes = [
  broken(
    'overwrites without ifVersion',
    3,
    class extends ReferenceStorage {
      protected override compare(
        key: string,
        version: Version | undefined,
        operation: 'write' | 'delete',
      ): void {
        if (version !== undefined) super.compare(key, version, operation);
      }
    },
  ),
  broken(
    'takes an older version for the stored one, as long as nothing was deleted in between',
    3,
    class extends ReferenceStorage {
      protected override put(key: string, text: string, version: Version): void {
        if (!this.medium.texts.has(key)) this.medium.notes.set(key, Number(version));
        super.put(key, text, version);
      }
      protected override compare(
        key: string,
        version: Version | undefined,
        operation: 'write' | 'delete',
      ): void {
        const created = this.medium.notes.get(key) ?? 0;
        const isOfThisRecord = this.medium.texts.has(key) && Number(version) >= created;
        if (operation === 'delete' || !isOfThisRecord) super.compare(key, version, operation);
      }
    },
  ),
  broken(
    'writes where nothing was ever stored, whatever the version',
    3,
    class extends ReferenceStorage {
      readonly known = new Set<string>();
      protected override compare(
        key: string,
        version: Version | undefined,
        operation: 'write' | 'delete',
      ): void {
        if (this.known.has(key) || this.medium.texts.has(key)) super.compare(key, version, operation);
        this.known.add(key);
      }
    },
  ),
  broken(
    'compares first and writes later',
    3,
    class extends ReferenceStorage {
      override async write(key: string, record: object, ifVersion: Version | undefined): Promise<Version> {
        const text = this.serialize(record);
        await Promise.resolve();
        this.reachMedium('write');
        this.compare(key, ifVersion, 'write');
        await turn();
        if (ifVersion !== undefined && !this.medium.texts.has(key)) this.conflict('write');
        const version = this.nextVersion(key, text);
        this.put(key, text, version);
        this.tell(key);
        return version;
      }
    },
  ),
  broken(
    'compares and writes in one go, but each handle for itself',
    3,
    class extends ReferenceStorage {
      tail: Promise<unknown> = Promise.resolve();
      override write(key: string, record: object, ifVersion: Version | undefined): Promise<Version> {
        const text = JSON.stringify(record, (_, value) =>
          typeof value === 'bigint' ? String(value) : value,
        );
        const writing = this.tail.then(async () => {
          this.serialize(record);
          this.reachMedium('write');
          this.compare(key, ifVersion, 'write');
          await turn();
          const version = this.nextVersion(key, text);
          this.put(key, text, version);
          this.tell(key);
          return version;
        });
        this.tail = writing.catch(() => {});
        return writing;
      }
      override delete(key: string, ifVersion?: Version): Promise<void> {
        const deleting = this.tail.then(() => super.delete(key, ifVersion));
        this.tail = deleting.catch(() => {});
        return deleting;
      }
    },
  ),
  broken(
    'says of a conflict that the storage has failed',
    [3, 4, 5],
    class extends ReferenceStorage {
      protected override conflict(operation: 'write' | 'delete'): never {
        throw new StorageError('Another version is stored.', { operation });
      }
    },
  ),
  broken(
    'refuses a version that it has given to a reader',
    [2, 3],
    class extends ReferenceStorage {
      readonly given = new Set<Version>();
      override async read(key: string): Promise<Stored | undefined> {
        const stored = await super.read(key);
        if (stored) this.given.add(stored.version);
        return stored;
      }
      protected override compare(
        key: string,
        version: Version | undefined,
        operation: 'write' | 'delete',
      ): void {
        if (operation === 'write' && version !== undefined && this.given.has(version)) this.conflict('write');
        super.compare(key, version, operation);
      }
    },
  ),
];

const deletes = [
  broken(
    'deletes nothing that was written more than once, unless it is told which version',
    [2, 4, 5, 9],
    class extends ReferenceStorage {
      readonly written = new Map<string, number>();
      protected override put(key: string, text: string, version: Version): void {
        this.written.set(key, (this.written.get(key) ?? 0) + 1);
        super.put(key, text, version);
      }
      override delete(key: string, ifVersion?: Version): Promise<void> {
        const isIgnored = ifVersion === undefined && (this.written.get(key) ?? 0) > 1;
        return isIgnored ? Promise.resolve() : super.delete(key, ifVersion);
      }
    },
  ),
  broken(
    'deletes nothing if it is told which version',
    [4, 5, 7, 8, 9],
    class extends ReferenceStorage {
      override delete(key: string, ifVersion?: Version): Promise<void> {
        return ifVersion === undefined ? super.delete(key) : Promise.resolve();
      }
    },
  ),
  broken(
    'takes an older version for the stored one in a delete, as long as it is not from before a delete',
    4,
    class extends ReferenceStorage {
      protected override put(key: string, text: string, version: Version): void {
        if (!this.medium.texts.has(key)) this.medium.notes.set(key, Number(version));
        super.put(key, text, version);
      }
      protected override compare(
        key: string,
        version: Version | undefined,
        operation: 'write' | 'delete',
      ): void {
        const isOfThisRecord = Number(version) >= (this.medium.notes.get(key) ?? 0);
        if (operation === 'write' || !isOfThisRecord) super.compare(key, version, operation);
      }
    },
  ),
  broken(
    'cannot delete what is not there',
    4,
    class extends ReferenceStorage {
      override async delete(key: string, ifVersion?: Version): Promise<void> {
        if (!this.medium.texts.has(key)) this.conflict('delete');
        await super.delete(key, ifVersion);
      }
    },
  ),
  broken(
    'takes a version of what is not there for deleted',
    4,
    class extends ReferenceStorage {
      override async delete(key: string, ifVersion?: Version): Promise<void> {
        if (this.medium.texts.has(key)) await super.delete(key, ifVersion);
      }
    },
  ),
  broken(
    'compares first and deletes later',
    4,
    class extends ReferenceStorage {
      override async delete(key: string, ifVersion?: Version): Promise<void> {
        this.reachMedium('delete');
        if (ifVersion !== undefined) this.compare(key, ifVersion, 'delete');
        await turn();
        await super.delete(key);
      }
    },
  ),
];

const versions = [
  broken(
    'counts the versions of a key anew after a delete',
    5,
    class extends ReferenceStorage {
      protected override nextVersion(key: string): Version {
        return Number(this.medium.texts.get(key)?.version ?? 0) + 1;
      }
    },
  ),
  broken(
    'takes the content for the version',
    5,
    class extends ReferenceStorage {
      protected override nextVersion(_: string, text: string): Version {
        return `v${text}`;
      }
    },
  ),
];

const torn = [
  broken(
    'writes a record in two halves',
    6,
    class extends ReferenceStorage {
      override async write(key: string, record: object, ifVersion: Version | undefined): Promise<Version> {
        const before = this.medium.texts.get(key)?.text;
        const version = await super.write(key, record, ifVersion);
        const after = this.medium.texts.get(key);
        if (before === undefined || after === undefined) return version;
        const half = Object.entries(JSON.parse(before)).slice(150);
        const whole = after.text;
        if (half.length > 0)
          after.text = JSON.stringify({ ...JSON.parse(whole), ...Object.fromEntries(half) });
        await turn();
        after.text = whole;
        return version;
      }
    },
  ),
  broken(
    'reads the version first and the record later',
    6,
    class extends ReferenceStorage {
      override async read(key: string): Promise<Stored | undefined> {
        this.reachMedium('read');
        const version = this.medium.texts.get(key)?.version;
        await turn();
        const stored = await super.read(key);
        return stored && version !== undefined ? { ...stored, version } : undefined;
      }
    },
  ),
];

const failures = [
  broken(
    'swallows the failure of a write',
    7,
    class extends ReferenceStorage {
      override write(key: string, record: object, ifVersion: Version | undefined): Promise<Version> {
        return this.medium.isBroken ? Promise.resolve(0) : super.write(key, record, ifVersion);
      }
    },
  ),
  broken(
    'swallows the failure of a delete',
    7,
    class extends ReferenceStorage {
      override delete(key: string, ifVersion?: Version): Promise<void> {
        return this.medium.isBroken ? Promise.resolve() : super.delete(key, ifVersion);
      }
    },
  ),
  broken(
    'reads nothing where reading fails',
    7,
    class extends ReferenceStorage {
      override read(key: string): Promise<Stored | undefined> {
        return this.medium.isBroken ? Promise.resolve(undefined) : super.read(key);
      }
    },
  ),
  broken(
    'lets the errors of the medium through',
    7,
    class extends ReferenceStorage {
      protected override reachMedium(): void {
        if (this.medium.isBroken) throw new Error('ENOSPC');
      }
    },
  ),
  broken(
    'lets the errors of JSON through',
    7,
    class extends ReferenceStorage {
      protected override serialize(record: object): string {
        return JSON.stringify(record);
      }
    },
  ),
  broken(
    'says of a failure that it is a conflict',
    7,
    class extends ReferenceStorage {
      protected override reachMedium(): void {
        if (this.medium.isBroken) this.conflict('write');
      }
    },
  ),
  broken(
    'tells the record in its error',
    7,
    class extends ReferenceStorage {
      override write(key: string, record: object, ifVersion: Version | undefined): Promise<Version> {
        if (!this.medium.isBroken) return super.write(key, record, ifVersion);
        const cause = new Error(`Cannot store ${JSON.stringify(record)}`);
        return Promise.reject(new StorageError('The medium is broken.', { operation: 'write', cause }));
      }
    },
  ),
  broken(
    'throws instead of rejecting',
    7,
    class extends ReferenceStorage {
      override write(key: string, record: object, ifVersion: Version | undefined): Promise<Version> {
        this.reachMedium('write');
        return super.write(key, record, ifVersion);
      }
    },
  ),
  broken(
    'cannot be broken by its own breakDown',
    7,
    class extends ReferenceStorage {
      protected override reachMedium(): void {}
    },
  ),
];

const places: readonly [string, (key: string) => string][] = [
  ['does not tell upper from lower case', (key) => key.toLowerCase()],
  ['makes file names of keys', (key) => key.replaceAll('/', '_')],
  ['trims keys', (key) => key.trim()],
  ['shortens long keys', (key) => key.slice(0, 255)],
  ['normalizes keys', (key) => key.normalize()],
  ['ends keys at NUL', (key) => key.replace(/\0.*/su, '')],
  ['takes the empty key for a default', (key) => key || 'tokenkeep'],
  ['decodes keys', (key) => key.replaceAll('%2F', '%2f')],
];

const keys = [
  ...places.map(([does, place]) =>
    broken(
      does,
      8,
      class extends ReferenceStorage {
        protected override place(key: string): string {
          return place(key);
        }
      },
    ),
  ),
  broken(
    'cannot store under __proto__',
    8,
    class extends ReferenceStorage {
      protected override put(key: string, text: string, version: Version): void {
        if (key !== '__proto__') super.put(key, text, version);
      }
    },
  ),
  broken(
    'deletes all keys that begin alike',
    8,
    class extends ReferenceStorage {
      protected override remove(key: string): void {
        for (const other of this.medium.texts.keys()) if (other.startsWith(`${key}/`)) super.remove(other);
        super.remove(key);
      }
    },
  ),
];

export const brokenStorages: readonly Broken<StorageFixture>[] = [
  ...values,
  ...visibility,
  ...writes,
  ...deletes,
  ...versions,
  ...torn,
  ...failures,
  ...keys,
];
