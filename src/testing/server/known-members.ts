/**
 * Rejects unknown names: a misspelled member has no effect, so a test with it could not fail.
 *
 * @module
 */
import { ConfigurationError } from '../../core/errors.ts';

/** The names of all members of a type. It does not compile if one is missing. */
export type MemberNames<T> = { readonly [Name in keyof Required<T>]: true };

/** @throws ConfigurationError for a value that is not an object, and for an unknown member. */
export function requireKnownMembers(
  value: unknown,
  what: string,
  names: Readonly<Record<string, true>>,
): void {
  const list = Object.keys(names).join(', ');
  if (typeof value !== 'object' || value === null) {
    throw new ConfigurationError(`${what} must be an object with some of ${list}.`);
  }
  const unknown = Object.keys(value).find((name) => !Object.hasOwn(names, name));
  if (unknown !== undefined)
    throw new ConfigurationError(`${what} has an unknown member ${unknown}. It takes ${list}.`);
}
