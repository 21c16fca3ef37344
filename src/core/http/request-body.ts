/**
 * Checks whether a body can be sent twice, byte for byte.
 *
 * @module
 */

/**
 * The effect of sending a body a second time.
 *
 * - `none`: there is no body.
 * - `repeatable`: each send reads it again from the start.
 * - `one-shot`: the first send uses it up.
 */
export type BodyKind = 'none' | 'repeatable' | 'one-shot';

/**
 * Determines the effect of sending `body` a second time. Reads no byte, and recognises objects of other realms and polyfills by
 * their methods. If `fetch` accepts a stream or an async iterable as a body, it reads it once.
 *
 * Repeatable means that the body is not changed meanwhile: a buffer that is written to or transferred between two sends is
 * another body. A `FormData` is repeatable, but each send creates another boundary. See {@link isFormData}.
 *
 * @see Fetch Standard, "extract a body"
 */
export function bodyKind(body: unknown): BodyKind {
  if (body === null || body === undefined) return 'none';
  return isStream(body) ? 'one-shot' : 'repeatable';
}

/**
 * Checks whether `body` is a `FormData` that `fetch` encodes itself, and differently each time. To send the same
 * bytes twice, encode it once with `encodeFormData`. The `form-data` package of npm has the same tag, but is a
 * stream.
 */
export function isFormData(body: unknown): body is FormData {
  if (Object.prototype.toString.call(body) !== '[object FormData]') return false;
  return typeof (body as Partial<FormData>)[Symbol.iterator] === 'function' && !isStream(body);
}

function isStream(body: unknown): boolean {
  if (typeof body !== 'object' && typeof body !== 'function') return false;
  const { getReader, pipe } = body as { getReader?: unknown; pipe?: unknown };
  if (typeof getReader === 'function' || typeof pipe === 'function') return true;
  return typeof (body as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function';
}
