/**
 * The only door to `@napi-rs/keyring`, opened when it is first needed: entries of the operating system's keyring by name.
 *
 * @module
 */
import { createRequire } from 'node:module';
import PQueue from 'p-queue';
import { ConfigurationError, StorageError } from '../core/errors.ts';
import type { StorageOperation } from '../core/stored-record.ts';
import { errorMessage, redactedCause } from './redacted-cause.ts';

/** An entry of the keyring, as in `@napi-rs/keyring`. */
export interface KeyringEntry {
  /** Resolves with the text of the entry, or `null` if the keyring has no such entry. */
  getPassword(): Promise<string | null>;
  /** Creates or replaces the entry. */
  setPassword(password: string): Promise<void>;
  /** Deletes the entry. Resolves with whether there was one. */
  deletePassword(): Promise<boolean>;
}

/** The part of `@napi-rs/keyring` that is used. */
export interface KeyringModule {
  readonly AsyncEntry: new (
    service: string,
    account: string,
    options: { readonly linux: { readonly store: 'secret-service' } },
  ) => KeyringEntry;
}

/** Without it the module would silently use the kernel's keyring, which is emptied at a restart and is small. */
const keyringOptions = { linux: { store: 'secret-service' } } as const;

/** @throws ConfigurationError with the command that installs the module. */
export function requireKeyring(): void {
  try {
    createRequire(import.meta.url).resolve('@napi-rs/keyring');
  } catch {
    throw new ConfigurationError(
      'keyringStorage() needs the package @napi-rs/keyring. Run: npm install @napi-rs/keyring - or, where the ' +
        'application is bundled, import the package and pass it as the option keyring.',
    );
  }
}

/** Maximum number of open entries. Each has a separate connection to the keyring, which is closed at garbage collection. */
const maxOpenEntries = 64;

/** Time after which other calls overtake a call, in ms. */
const callTimeoutMs = 30_000;

/** The entries of one service. */
export class Keyring {
  readonly service: string;
  readonly #entries: Map<string, KeyringEntry> = new Map();
  readonly #module: KeyringModule | undefined;
  /** One call at a time, because a call that waits for the user to unlock the keyring occupies a thread. */
  readonly #calls: PQueue = new PQueue({ concurrency: 1 });

  constructor(service: string, module: KeyringModule | undefined) {
    this.service = service;
    this.#module = module;
  }

  /** @throws StorageError if the entry cannot be read, such as while the keyring is locked. */
  async get(account: string, operation: StorageOperation): Promise<string | undefined> {
    return (await this.#call(account, operation, (entry) => entry.getPassword())) ?? undefined;
  }

  async set(account: string, text: string, operation: StorageOperation): Promise<void> {
    await this.#call(account, operation, (entry) => entry.setPassword(text), text);
  }

  async delete(account: string, operation: StorageOperation): Promise<void> {
    await this.#call(account, operation, (entry) => entry.deletePassword());
  }

  /**
   * Checks that the keyring is open. A keyring that was never opened in this session of the system reports every entry as
   * missing, and only a write finds out.
   */
  async assertUnlocked(operation: StorageOperation): Promise<void> {
    await this.set('#open', 'This keyring takes entries.', operation);
    await this.delete('#open', operation);
  }

  async #call<T>(
    account: string,
    operation: StorageOperation,
    work: (entry: KeyringEntry) => Promise<T>,
    secret?: string,
  ): Promise<T> {
    try {
      return await this.#calls.add(() => this.#untilOverdue(this.#attempt(account, work)));
    } catch (error) {
      const cause = redactedCause(error, secret);
      throw new StorageError(`${remedyOf(error)} Then try again.`, { operation, cause });
    }
  }

  /** Lets other calls overtake one that hangs. Only one is overtaken at a time, because each of them occupies a thread. */
  async #untilOverdue<T>(call: Promise<T>): Promise<T> {
    const calls = this.#calls;
    let isOvertaken = false;
    const timer = setTimeout(() => {
      isOvertaken = calls.concurrency === 1;
      calls.concurrency = 2;
    }, callTimeoutMs).unref();
    try {
      return await call;
    } finally {
      clearTimeout(timer);
      if (isOvertaken) calls.concurrency = 1;
    }
  }

  async #attempt<T>(account: string, work: (entry: KeyringEntry) => Promise<T>): Promise<T> {
    const known = this.#entries.get(account);
    try {
      return await work(known ?? (await this.#entry(account)));
    } catch (error) {
      this.#entries.delete(account);
      // The connection of an entry ends with the keyring's daemon. The user is not asked for a password twice, though.
      if (known === undefined || needsPerson.test(errorMessage(error))) throw error;
      return await work(await this.#entry(account));
    }
  }

  async #entry(account: string): Promise<KeyringEntry> {
    const { AsyncEntry } = this.#module ?? (await import('@napi-rs/keyring'));
    const entry = new AsyncEntry(this.service, account, keyringOptions);
    if (this.#entries.size >= maxOpenEntries) this.#entries.clear();
    this.#entries.set(account, entry);
    return entry;
  }
}

const needsPerson = /prompt|locked|denied|canceled|auth|interaction is not allowed/i;

/** Remedies by the module's messages about Secret Service, Keychain and Credential Manager. */
const remedies: readonly (readonly [pattern: RegExp, remedy: string])[] = [
  [/prompt|locked|interaction is not allowed/i, 'The keyring is locked. Unlock it.'],
  [/no result found/i, 'There is no keyring yet, or it was never unlocked. Unlock it.'],
  [/maximum number of/i, 'The session bus accepts no more connections: this user has reached the limit.'],
  [
    /d-?bus|address|ServiceUnknown|no secret service/i,
    'No keyring service responds. Start one, on a session bus.',
  ],
  [/denied|canceled|auth/i, 'The keyring denies access. Allow it.'],
  [/longer than|too long/i, "The keyring accepts no entry of this size. Set the option records: 'file'."],
  [/ambiguous|matched by/i, 'The keyring has several entries of this name. Remove all but one.'],
  [/native binding|cannot find|dlopen/i, 'The package @napi-rs/keyring does not load. Install it again.'],
];

function remedyOf(error: unknown): string {
  const message = errorMessage(error);
  return remedies.find(([pattern]) => pattern.test(message))?.[1] ?? 'The keyring failed. See the cause.';
}
