/**
 * Records in the keyring itself, with the compare-and-set, the lock and the notifications that the keyring lacks.
 *
 * Beside the keyring there is a file with an empty row for each key. The row exists before the entry and is removed
 * after it, so a row without an entry means that the keyring should have one. The row changes after the entry has,
 * which notifies watchers.
 *
 * @module
 */
import { createHash, randomUUID } from 'node:crypto';
import type { Stored, TokenLock, Version } from '../core/contracts.ts';
import { isConflict, StorageError } from '../core/errors.ts';
import { type StorageOperation, serializeRecord, versionConflict } from '../core/stored-record.ts';
import type { FileStorage } from './file-storage.ts';
import type { Keyring } from './keyring.ts';

/** Time limit for waiting for another writer, in ms. A write takes a few: a writer that takes longer was stopped. */
const writeTimeoutMs = 10_000;

export class KeyringRecords implements FileStorage {
  readonly reach = 'machine' as const;
  readonly lock: TokenLock;
  readonly #keyring: Keyring;
  readonly #rows: FileStorage;

  constructor(keyring: Keyring, rows: FileStorage) {
    this.#keyring = keyring;
    this.#rows = rows;
    this.lock = rows.lock;
  }

  async read(key: string): Promise<Stored | undefined> {
    const stored = await this.#load(key, 'read');
    if (stored !== undefined || (await this.#rows.read(key)) === undefined) return stored;
    await this.#keyring.assertUnlocked('read');
    // The keyring is open, so the user has deleted the entry by hand, or another process is about to write or delete it.
    return await this.#runExclusively('read', key, async () => {
      const found = await this.#load(key, 'read');
      if (found === undefined) await this.#rows.delete(key);
      return found;
    });
  }

  async write(key: string, record: object, ifVersion: Version | undefined): Promise<Version> {
    // A version is never used twice, not even after a delete.
    const version = randomUUID();
    const text = `{"tokenkeep":1,"version":"${version}","record":${serializeRecord(record)}}`;
    return await this.#runExclusively('write', key, async () => {
      const stored = await this.#load(key, 'write');
      if (stored?.version !== ifVersion) throw versionConflict('write');
      const row = (await this.#rows.read(key))?.version ?? (await this.#rows.write(key, {}, undefined));
      await this.#keyring.set(accountOf(key), text, 'write');
      // The record is stored even if watchers cannot be notified: they see the change at their next read.
      await this.#rows.write(key, {}, row).catch(() => undefined);
      return version;
    });
  }

  async delete(key: string, ifVersion?: Version): Promise<void> {
    await this.#runExclusively('delete', key, async () => {
      const stored = await this.#load(key, 'delete');
      if (ifVersion !== undefined && stored?.version !== ifVersion) throw versionConflict('delete');
      if (stored !== undefined) await this.#keyring.delete(accountOf(key), 'delete');
      else if ((await this.#rows.read(key)) !== undefined) await this.#keyring.assertUnlocked('delete');
      await this.#rows.delete(key);
    });
  }

  watch(key: string, listener: () => void): () => void {
    return this.#rows.watch(key, listener);
  }

  close(): void {
    this.#rows.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #load(key: string, operation: StorageOperation): Promise<Stored | undefined> {
    const text = await this.#keyring.get(accountOf(key), operation);
    return text === undefined ? undefined : storedOf(text);
  }

  /** Runs `work` while no other process of this machine writes or deletes this key. No process takes over while this one is alive. */
  async #runExclusively<T>(operation: StorageOperation, key: string, work: () => Promise<T>): Promise<T> {
    const signal = AbortSignal.timeout(writeTimeoutMs);
    try {
      return await this.lock.request(`keyring:${key}`, { signal }, work);
    } catch (error) {
      if (isConflict(error) || (error instanceof StorageError && error.operation === operation)) throw error;
      if (error instanceof StorageError) throw new StorageError(error.message, { operation, cause: error });
      if (!signal.aborted) throw error;
      const message =
        `Another process has been writing to the keyring for ${writeTimeoutMs} ms. Look for one that was stopped, or that waits ` +
        'for someone to unlock it.';
      throw new StorageError(message, { operation, cause: error });
    }
  }
}

/**
 * Returns the account of an entry: the key itself if it is readable for a user who inspects the keyring and no system changes it
 * (Windows ignores case), else its fingerprint.
 */
export function accountOf(key: string): string {
  if (/^[a-z\d][a-z\d._/-]{0,99}$/.test(key)) return key;
  return `#${createHash('sha256').update(JSON.stringify(key)).digest('hex')}`;
}

/** Parses a value. One that tokenkeep has not written is returned unchanged, and the manager validates it. */
function storedOf(text: string): Stored {
  try {
    const { tokenkeep, version, record } = JSON.parse(text) as Record<string, unknown>;
    if (tokenkeep === 1 && typeof version === 'string') return { record, version };
  } catch {
    // foreign, or damaged
  }
  return { record: text, version: createHash('sha256').update(text).digest('hex') };
}
