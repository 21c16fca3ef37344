/**
 * Distinguishes one token from another without keeping it.
 *
 * @module
 */

/**
 * 32 bits of a token (FNV-1a): enough to see that it is another one, and done in a microsecond, where a digest of WebCrypto
 * costs a turn of the thread pool before every refresh. It hides nothing from anyone who guesses, so it stands only where
 * the token stands as well.
 */
export function fingerprint(token: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < token.length; index++) {
    hash = Math.imul(hash ^ token.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
