/**
 * Reads the own members of objects that come from applications and servers. A member that other code has added to
 * `Object.prototype` (prototype pollution) must not count as an option or an endpoint. Imports nothing.
 *
 * @module
 */

/** An object without members and prototype, to use in place of `{}`. It fits every type whose members are all optional. */
export const emptyObject: never = Object.freeze(Object.create(null)) as never;

/** Checks whether a value has members: it is an object, but not an array. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Checks whether an object is not an instance of a class. */
export function isPlainObject(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Returns a copy of parsed JSON without a prototype: a polluted prototype must not add members to it. */
export function ownCopy<T extends object | undefined>(value: T): T {
  return value && Object.assign(Object.create(null), value);
}

/** Reads a member of an object, or of its class. `undefined`: only the prototype of all objects has one of this name. */
export function readMember<T extends object, Name extends keyof T>(of: T, name: Name): T[Name] | undefined {
  if (!(name in Object.prototype)) return of[name];
  for (let one: object | null = of; one !== null; one = Object.getPrototypeOf(one)) {
    if (one !== Object.prototype && Object.hasOwn(one, name)) return of[name];
  }
  return undefined;
}

/** Returns a copy without a prototype, so that it has no members of `Object.prototype`. Returns a value that is not an object unchanged. */
export function ownMembers<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.create(null) as Record<string, unknown>;
  for (let one: object | null = value; one && one !== Object.prototype; one = Object.getPrototypeOf(one)) {
    for (const name of Object.getOwnPropertyNames(one)) {
      if ((one === value || name !== 'constructor') && !(name in copy))
        copy[name] = (value as Record<string, unknown>)[name];
    }
  }
  return copy as T;
}
