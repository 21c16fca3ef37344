/**
 * Members of what applications and servers hand over: their own ones. What somebody has put on the prototype of all objects
 * (prototype pollution) is no option, and no endpoint. Imports nothing.
 *
 * @module
 */

/** No members at all, in place of `{}`: a value of every type whose members can be left out. */
export const nothing: never = Object.freeze(Object.create(null)) as never;

/** Reads a member of an object, or of its class. `undefined`: only the prototype of all objects has one of this name. */
export function member<T extends object, Name extends keyof T>(of: T, name: Name): T[Name] | undefined {
  if (!(name in Object.prototype)) return of[name];
  for (let one: object | null = of; one !== null; one = Object.getPrototypeOf(one)) {
    if (one !== Object.prototype && Object.hasOwn(one, name)) return of[name];
  }
  return undefined;
}

/** Returns a copy without a prototype: what is not copied is not there. What is no object is returned as it is. */
export function ownMembers<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.create(null) as Record<string, unknown>;
  for (let one: object = value; one !== Object.prototype; one = Object.getPrototypeOf(one)) {
    for (const name of Object.getOwnPropertyNames(one)) {
      if ((one === value || name !== 'constructor') && !(name in copy))
        copy[name] = (value as Record<string, unknown>)[name];
    }
    if (Object.getPrototypeOf(one) === null) break;
  }
  return copy as T;
}

/** Returns a copy of an object of ours, with its own members only, and other values of some. */
export function changed<T extends object>(value: T, changes: Partial<T>): T {
  return Object.assign(Object.create(null) as T, value, changes);
}
