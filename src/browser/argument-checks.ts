/**
 * Checks the arguments of the functions of `tokenkeep/browser`.
 *
 * @module
 */

import type { TokenStorage } from '../core/contracts.ts';
import { describeReceived } from '../core/describe-received.ts';
import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';

/** @throws ConfigurationError if the value is not a storage of sessions or keys, for example a function that was not called. */
export function requireStorage(caller: string, storage: unknown): void {
  const { read, write, delete: remove } = (storage ?? {}) as Partial<TokenStorage>;
  if ([read, write, remove].every((method) => typeof method === 'function')) return;
  throw new ConfigurationError(
    `${caller}: ${explain('browser-storage', 'this is not a storage. Pass one such as memoryStorage().')}`,
  );
}

/** @throws ConfigurationError for a name that is not a string. */
export function requireName(caller: string, option: string, name: unknown): void {
  if (typeof name === 'string' && name !== '') return;
  throw new ConfigurationError(
    `${caller}: the option ${option} ${explain('browser-storage', `must be a non-empty string.${describeReceived(name)}`)}`,
  );
}

/** @throws ConfigurationError for options that are not an object: the defaults would silently replace them. */
export function requireOptions(caller: string, options: unknown): void {
  if (typeof options === 'object' && options !== null) return;
  throw new ConfigurationError(`${caller}: ${explain('browser-storage', 'the options must be an object.')}`);
}
