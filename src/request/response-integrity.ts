/**
 * The option `integrity` of `fetch` when tokenkeep follows redirects: the platform would check the redirect response against it.
 *
 * @module
 */
import { subtleCrypto } from '../platform/web-crypto.ts';

/** Takes `integrity` off a request whose redirects are followed here; returns it. */
export function takeIntegrity(input: string | Request, init: RequestInit): string | undefined {
  const integrity = init.integrity ?? (typeof input === 'object' ? input.integrity : undefined);
  if (integrity) init.integrity = '';
  return integrity;
}

/**
 * Checks a body as the platform would have done.
 *
 * @throws TypeError for another body.
 * @see Subresource Integrity §3.3
 */
export async function verifyIntegrity(response: Response, integrity: string): Promise<Response> {
  const named = [...integrity.matchAll(/(?:^|\s)sha(256|384|512)-([^\s?]*)/gi)];
  // The strongest of several algorithms counts, even if its hash can never match. Without a known algorithm nothing is checked.
  const strongest = String(Math.max(...named.map(([, bits]) => Number(bits))));
  const wanted = named
    .filter(([, bits]) => bits === strongest)
    .map(([, , hash = '']) => normalizeBase64(hash));
  if (wanted.length === 0) return response;
  const digest = await subtleCrypto('The option integrity of fetch').digest(
    `SHA-${strongest}`,
    await response.clone().arrayBuffer(),
  );
  const found = btoa(String.fromCharCode(...new Uint8Array(digest)));
  if (wanted.includes(normalizeBase64(found))) return response;
  await response.body?.cancel();
  throw new TypeError('fetch failed', { cause: new Error('integrity mismatch') });
}

function normalizeBase64(base64: string): string {
  return base64.replace(/-/g, '+').replace(/_/g, '/').replace(/=/g, '');
}
