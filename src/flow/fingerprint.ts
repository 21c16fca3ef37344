/**
 * Naming a token without telling it.
 *
 * @module
 */

/** A short name for a token, the same everywhere: 64 bits of its SHA-256. Nothing of the token can be told from it. */
export async function fingerprint(token: string): Promise<string> {
  const digest = await globalThis.crypto.subtle.digest('SHA-256', new TextEncoder().encode(token));
  return Array.from(new Uint8Array(digest, 0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
