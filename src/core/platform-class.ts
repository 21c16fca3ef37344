/**
 * Classes of the platform, for objects of any realm or implementation: a frame, jsdom, zone.js, a polyfill.
 *
 * @module
 */
import type { CryptoKey } from './platform-types.ts';

/** The platform classes that tokenkeep checks for. */
interface PlatformClasses {
  readonly ArrayBuffer: ArrayBuffer;
  readonly CryptoKey: CryptoKey;
  readonly Headers: Headers;
  readonly URL: URL;
  readonly URLSearchParams: URLSearchParams;
}

/** Checks whether `value` has the tag of a platform class, or is an instance of the current one. */
export function isInstance<Name extends keyof PlatformClasses>(
  value: unknown,
  name: Name,
): value is PlatformClasses[Name] {
  if (typeof value !== 'object' || value === null) return false;
  if (Object.prototype.toString.call(value) === `[object ${name}]`) return true;
  // React Native's classes have no tag.
  const platform: unknown = (globalThis as Record<string, unknown>)[name];
  return typeof platform === 'function' && value instanceof platform;
}

/**
 * Calls the platform's own getter or method, which an object itself cannot override.
 *
 * @returns `undefined` if the object is not an instance of the platform's class; `absent` if the class has no such member.
 */
export function callNative(name: string, member: string, value: object): unknown {
  const platform = (globalThis as Record<string, unknown>)[name] as
    | { readonly prototype?: object }
    | undefined;
  let owner: object | null | undefined = platform?.prototype;
  let found: PropertyDescriptor | undefined;
  // A framework may have replaced the platform's class with a subclass.
  for (; owner && found === undefined; owner = Object.getPrototypeOf(owner)) {
    found = Object.getOwnPropertyDescriptor(owner, member);
  }
  const method: unknown = found?.get ?? found?.value;
  if (typeof method !== 'function') return absent;
  try {
    return method.call(value, '');
  } catch {
    return undefined;
  }
}

/** Result of {@link callNative} if the platform has no such class, or a polyfill that keeps the members in each object. */
export const absent: unique symbol = Symbol('absent');

/** Checks whether a result can be awaited. A promise of another realm or library can be as well. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    typeof (value as Partial<PromiseLike<unknown>>).then === 'function'
  );
}
