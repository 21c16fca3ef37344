/**
 * Keys as text that every server takes as it is.
 *
 * @module
 */

/**
 * Writes what UTF-8, Postgres or Redis cannot take in a key - half of a surrogate pair, NUL, braces - as `\` and its code.
 * Different keys stay different.
 */
export function escapeKey(key: string): string {
  return key.replace(
    /[\\{}\0]|\p{Surrogate}/gu,
    (character) => `\\${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
