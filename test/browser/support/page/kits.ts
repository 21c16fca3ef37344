import type { TokenLock, TokenStorage } from 'tokenkeep';
import { indexedDbKeys, indexedDbStorage, webLock, webStorage } from 'tokenkeep/browser';
import {
  type ConformanceCase,
  type KeyStorageFixture,
  keyStorageConformance,
  lockConformance,
  type StorageFixture,
  storageConformance,
} from 'tokenkeep/testing';
import { conformanceTimeout } from '../../../support/conformance-timeout.ts';

let count = 0;
const fresh = (): string => `kit ${Date.now()} ${count++}`;

const kits = {
  'indexedDbStorage()': () => storageConformance(() => database({}), conformanceTimeout),
  'indexedDbStorage({ encrypt: true })': () =>
    storageConformance(() => database({ encrypt: true }), conformanceTimeout),
  'webStorage(localStorage)': () => storageConformance(() => items(localStorage), conformanceTimeout),
  'webStorage(sessionStorage)': () => storageConformance(() => items(sessionStorage), conformanceTimeout),
  'webLock()': () => lockConformance(lock, conformanceTimeout),
  'indexedDbKeys()': () => keyStorageConformance(keys),
} satisfies Record<string, () => readonly ConformanceCase[]>;

export type KitName = keyof typeof kits;

/** Runs a kit in this page. Resolves with how many cases there were, and what failed. */
export async function kitFailures(name: KitName): Promise<{ cases: number; failures: string[] }> {
  const cases = kits[name]();
  const failures: string[] = [];
  for (const { name, run } of cases) {
    await run().catch((error: Error) => failures.push(`${name}: ${error.message}`));
  }
  return { cases: cases.length, failures };
}

function database({ encrypt }: { encrypt?: boolean }): StorageFixture {
  const name = fresh();
  const open = (): TokenStorage => indexedDbStorage({ name, ...(encrypt && { encrypt }) });
  return {
    storage: open(),
    reopen: open,
    breakDown() {
      const { transaction } = IDBDatabase.prototype;
      IDBDatabase.prototype.transaction = () => {
        throw new DOMException('The disk is on fire.', 'UnknownError');
      };
      return () => {
        IDBDatabase.prototype.transaction = transaction;
      };
    },
    close: () => indexedDB.deleteDatabase(name),
  };
}

function keys(): KeyStorageFixture {
  const name = fresh();
  const open = (): KeyStorageFixture['keys'] => indexedDbKeys({ name });
  return { keys: open(), reopen: open, close: () => indexedDB.deleteDatabase(name) };
}

function items(area: Storage): StorageFixture {
  const prefix = `${fresh()} `;
  let isFull = false;
  const setItem = (): never => {
    throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
  };
  const full = {
    getItem: (name: string) => area.getItem(name),
    removeItem: (name: string) => area.removeItem(name),
    setItem,
  } as unknown as Storage;
  const open = (): TokenStorage => webStorage(() => (isFull ? full : area), { prefix });
  return {
    storage: open(),
    reopen: open,
    breakDown() {
      isFull = true;
      return () => {
        isFull = false;
      };
    },
    close() {
      for (const name of Object.keys(area)) if (name.startsWith(prefix)) area.removeItem(name);
    },
  };
}

function lock(): { lock: TokenLock; reopen(): TokenLock; abandon(name: string): Promise<void> } {
  const prefix = fresh();
  const open = (): TokenLock => {
    const { reach, request } = webLock();
    return { reach, request: (name, options, callback) => request(`${prefix}${name}`, options, callback) };
  };
  return {
    lock: open(),
    reopen: open,
    async abandon(name) {
      const worker = new Worker('/holder.js');
      const held = new Promise((resolve) => {
        worker.onmessage = resolve;
      });
      worker.postMessage(`${prefix}${name}`);
      await held;
      worker.terminate();
    },
  };
}
