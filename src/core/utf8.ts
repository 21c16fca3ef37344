/**
 * Text in bytes, without `TextDecoder`, which Hermes lacks.
 *
 * @module
 */

/**
 * Reads a string whose characters are bytes, as `atob` returns it, as UTF-8.
 *
 * @returns the unchanged string if it is not UTF-8.
 */
export function fromUtf8(bytes: string): string {
  try {
    return decodeURIComponent(
      bytes.replace(/[%\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16)}`),
    );
  } catch {
    return bytes;
  }
}
