/**
 * The tools for every law of a storage: the storage under test, its other handles, and calls with a time limit.
 *
 * @module
 */
import type { Stored, TokenStorage, Version } from '../../core/contracts.ts';
import { isTokenKeepError } from '../../core/errors.ts';
import type { CaseTimeout } from './conformance-case.ts';
import { formatValue, must, mustEqual, mustSettle, rejectionOf } from './conformance-case.ts';

/** A new storage that shares nothing with any other one. */
export interface StorageFixture {
  readonly storage: TokenStorage;
  /** Opens the same storage once more, as another tab, process or machine does. */
  reopen?(): TokenStorage | Promise<TokenStorage>;
  /** Breaks the medium that the storage writes to: no space, no connection. Returns a function that repairs it. */
  breakDown?(): (() => unknown) | Promise<() => unknown>;
  /** Cleans up after a law. */
  close?(): unknown;
}

/** Capabilities that a storage does not have. All others are tested. */
export interface StorageConformanceOptions extends CaseTimeout {
  /** `false`: there is one handle only, which contains the storage. @default true */
  readonly reopen?: boolean;
  /** `false`: the storage has no `watch`. @default true */
  readonly watch?: boolean;
  /** `false`: the medium of the storage cannot break, or a test cannot break it. @default true */
  readonly breakDown?: boolean;
}

/** A watcher of a key. */
export interface Watcher {
  readonly notifications: number;
  readonly listener: () => void;
  unwatch(): void;
  /** Resolves when it was notified more than `count` times. */
  toldAfter(count: number, what: string): Promise<void>;
}

/** A text that must not occur in any error. */
export const canary = 'canary-9f2c1e7ab04d';

/** The storage under test, with calls that check the general laws. */
export class StorageUnderTest {
  readonly storage: TokenStorage;
  readonly fixture: StorageFixture;
  readonly #timeout: CaseTimeout;

  constructor(fixture: StorageFixture, options: StorageConformanceOptions) {
    this.fixture = fixture;
    this.storage = fixture.storage;
    this.#timeout = options;
  }

  /** Opens another handle of the same storage. */
  async reopen(): Promise<TokenStorage> {
    const { fixture } = this;
    must(
      fixture.reopen !== undefined,
      'createStorage() gives no reopen(). Give one, or declare { reopen: false }.',
    );
    return fixture.reopen();
  }

  /** Returns the stored value. Fails the case if nothing is stored. */
  async stored(key: string, storage: TokenStorage = this.storage): Promise<Stored> {
    const stored = await storage.read(key);
    must(stored !== undefined, `read(${formatValue(key)}): expected a record, saw nothing.`);
    return stored;
  }

  async mustHold(key: string, expected: { record: unknown; version: Version }): Promise<void> {
    mustEqual(await this.storage.read(key), expected, `read(${formatValue(key)})`);
  }

  async mustHoldNothing(key: string): Promise<void> {
    const stored = await this.storage.read(key);
    must(stored === undefined, `read(${formatValue(key)}): expected nothing, saw ${formatValue(stored)}.`);
  }

  watch(key: string, storage: TokenStorage = this.storage, also?: () => void): Watcher {
    must(storage.watch !== undefined, 'The storage has no watch(). Declare { watch: false }.');
    const waiting: (() => void)[] = [];
    let notifications = 0;
    const listener = (): void => {
      notifications++;
      for (const resolve of waiting.splice(0)) resolve();
      also?.();
    };
    const unwatch = storage.watch(key, listener);
    const toldAfter = async (count: number, what: string): Promise<void> => {
      while (notifications <= count) {
        const next = new Promise<void>((resolve) => waiting.push(resolve));
        await mustSettle(next, this.#timeout, `The watcher is notified of ${what}`);
      }
    };
    return {
      listener,
      unwatch,
      toldAfter,
      get notifications() {
        return notifications;
      },
    };
  }
}

/** Fails the case unless the call rejects with a conflict. */
export async function mustConflict(
  call: () => Promise<unknown>,
  operation: 'write' | 'delete',
  what: string,
): Promise<void> {
  const error = await rejectionOf(call, what);
  mustBeStorageError(error, what);
  must(error.conflict === true, `${what}: expected a StorageError with conflict true, saw conflict false.`);
  must(error.operation === operation, `${what}: expected operation ${operation}, saw ${error.operation}.`);
}

/** Fails the case unless an error is a `StorageError` that contains no stored data. */
export function mustBeStorageError(
  error: unknown,
  what: string,
): asserts error is { conflict: boolean; operation: string } & Error {
  const isStorageError = isTokenKeepError(error) && error.code === 'ERR_STORAGE';
  must(isStorageError, `${what}: expected a StorageError, saw ${formatValue(error)}.`);
  must(!containsCanary(error, 0), `${what}: the error holds a part of the record.`);
}

/** Groups calls by their outcome. Fails the case if a call failed without a conflict. */
export async function outcomes(
  calls: readonly (() => Promise<unknown>)[],
  what: string,
): Promise<{ won: number[]; versions: unknown[] }> {
  const settled = await Promise.allSettled(calls.map((call) => call()));
  const won: number[] = [];
  const versions: unknown[] = [];
  for (const [index, one] of settled.entries()) {
    if (one.status === 'fulfilled') {
      won.push(index);
      versions.push(one.value);
    } else {
      mustBeStorageError(one.reason, what);
      must(
        one.reason.conflict,
        `${what}: expected the losers to see a conflict, saw ${formatValue(one.reason)}.`,
      );
    }
  }
  return { won, versions };
}

function containsCanary(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return value.includes(canary);
  if (typeof value !== 'object' || value === null || depth > 5) return false;
  return Object.getOwnPropertyNames(value).some((name) =>
    containsCanary(Object.getOwnPropertyDescriptor(value, name)?.value, depth + 1),
  );
}
