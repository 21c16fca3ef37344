import type { StorageFixture } from '../../../../../src/testing/index.ts';
import type { Broken } from './broken-storages.ts';
import { fixtureOf } from './broken-storages.ts';
import type { ReferenceMedium } from './reference-storage.ts';
import { ReferenceStorage } from './reference-storage.ts';

type Watcher = { key: string; listener: () => void; owner: object };

function deaf(
  does: string,
  Storage: new (medium: ReferenceMedium) => ReferenceStorage,
): Broken<StorageFixture> {
  return { does, laws: ['storage-9'], open: () => fixtureOf(Storage) };
}

/** Storages that break law storage-9: they notify too rarely, or too often. */
export const deafStorages: readonly Broken<StorageFixture>[] = [
  deaf(
    'does not tell of its own changes',
    class extends ReferenceStorage {
      protected override call(watcher: Watcher): void {
        if (watcher.owner !== this) super.call(watcher);
      }
    },
  ),
  deaf(
    'does not tell of the changes of other handles',
    class extends ReferenceStorage {
      protected override call(watcher: Watcher): void {
        if (watcher.owner === this) super.call(watcher);
      }
    },
  ),
  deaf(
    'does not tell of a delete',
    class extends ReferenceStorage {
      protected override tell(key: string): void {
        if (this.medium.texts.has(key)) super.tell(key);
      }
    },
  ),
  deaf(
    'tells of the first change only',
    class extends ReferenceStorage {
      protected override call(watcher: Watcher): void {
        super.call(watcher);
        this.medium.watchers.delete(watcher);
      }
    },
  ),
  deaf(
    'tells of a change that was in progress when the watcher left',
    class extends ReferenceStorage {
      protected override call({ listener }: Watcher): void {
        try {
          listener();
        } catch {
          // as in the correct one
        }
      }
    },
  ),
  deaf(
    'never stops telling',
    class extends ReferenceStorage {
      override watch(key: string, listener: () => void): () => void {
        super.watch(key, listener);
        return () => {};
      }
    },
  ),
  deaf(
    'keeps each listener once',
    class extends ReferenceStorage {
      override watch(key: string, listener: () => void): () => void {
        const same = [...this.medium.watchers].find((one) => one.listener === listener);
        if (same) return () => void this.medium.watchers.delete(same);
        return super.watch(key, listener);
      }
    },
  ),
  deaf(
    'stops telling when a listener throws',
    class extends ReferenceStorage {
      protected override tell(key: string): void {
        const those = [...this.medium.watchers].filter((watcher) => watcher.key === key);
        queueMicrotask(() => {
          try {
            for (const { listener, ...rest } of those) if (this.isWatching(listener, rest.owner)) listener();
          } catch {
            // the others are not notified
          }
        });
      }
      private isWatching(listener: () => void, owner: object): boolean {
        return [...this.medium.watchers].some((one) => one.listener === listener && one.owner === owner);
      }
    },
  ),
  deaf(
    'rejects the write when a listener throws',
    class extends ReferenceStorage {
      protected override tell(key: string): void {
        for (const { listener } of [...this.medium.watchers].filter((watcher) => watcher.key === key))
          listener();
      }
    },
  ),
  deaf(
    'tells the watchers of all keys',
    class extends ReferenceStorage {
      protected override tell(): void {
        for (const watcher of [...this.medium.watchers]) queueMicrotask(() => this.call(watcher));
      }
    },
  ),
];
