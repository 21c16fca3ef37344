/**
 * Classes of the platform, whatever realm or implementation an object comes from: a frame, jsdom, zone.js, a polyfill.
 *
 * @module
 */
import type { CryptoKey } from './platform-types.ts';

/** The classes that are asked for. */
interface PlatformClasses {
  readonly ArrayBuffer: ArrayBuffer;
  readonly CryptoKey: CryptoKey;
  readonly Headers: Headers;
  readonly URL: URL;
  readonly URLSearchParams: URLSearchParams;
}

/** Checks whether `value` has the tag of a class of the platform, or is an instance of the one that is there. */
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
 * Asks the platform's own getter or method, which an object itself cannot override.
 *
 * @returns `undefined` if the object is not an instance of the platform's class; `absent` if the class has no such member.
 */
export function callNative(name: string, member: string, value: object): unknown {
  const platform = (globalThis as Record<string, unknown>)[name] as
    | { readonly prototype?: object }
    | undefined;
  let owner: object | null | undefined = platform?.prototype;
  let found: PropertyDescriptor | undefined;
  // A framework may have put a subclass in the place of the platform's class.
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

/** Checks whether a result may be waited for: a promise of another realm or library is one as well. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    typeof (value as Partial<PromiseLike<unknown>>).then === 'function'
  );
}
