/**
 * Keys as text that every server accepts unchanged.
 *
 * @module
 */

/**
 * Writes characters of a key that UTF-8, Postgres or Redis cannot store - half of a surrogate pair, NUL, braces - as `\` and its code.
 * Different keys stay different.
 */
export function escapeKey(key: string): string {
  return key.replace(
    /[\\{}\0]|\p{Surrogate}/gu,
    (character) => `\\${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
