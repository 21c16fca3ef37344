/**
 * Distinguishes one token from another without keeping it.
 *
 * @module
 */

/**
 * Returns 32 bits of a token (FNV-1a). They distinguish it from another one within a microsecond. A digest of Web Crypto would
 * cost a turn of the thread pool before every refresh. The bits do not protect the token from guessing, so they are kept only
 * where the token is kept as well.
 */
export function fingerprint(token: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < token.length; index++) {
    hash = Math.imul(hash ^ token.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
