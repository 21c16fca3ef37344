/**
 * Takes secrets out of foreign text. Imports nothing.
 *
 * @module
 */

/** Shorter ones would take ordinary words out, and are not secrets. */
const shortest = 4;
/** From here on a piece of base64 is not taken for one by chance. */
const shortestEncoded = 8;

/**
 * Replaces every occurrence of each secret by `[redacted]`, also where it is URL-encoded, JSON-escaped or part of
 * something in base64, like the credentials of a Basic header.
 */
export function redact(text: string, secrets: readonly (string | undefined)[]): string {
  const known = secrets.filter((secret) => secret !== undefined && secret.length >= shortest) as string[];
  if (known.length === 0 || text.length < shortest) return text;
  const plain = [...new Set(known.flatMap(plainForms))]
    // The longest first: a secret that begins with another one would leave its rest.
    .sort((one, other) => other.length - one.length)
    .map((form) => form.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  const patterns = [
    ...plain,
    ...known.filter(({ length }) => length >= shortestEncoded).flatMap(base64Forms),
  ];
  return text.replace(new RegExp(patterns.join('|'), 'g'), '[redacted]');
}

function plainForms(secret: string): string[] {
  // Lone surrogates make encodeURIComponent throw; with the u flag these are the only ones that match.
  const wellFormed = secret.replace(/\p{Surrogate}/gu, '\uFFFD');
  const percent = encodeURIComponent(wellFormed);
  const form = new URLSearchParams([['', wellFormed]]).toString().slice(1);
  const lowerCase = (encoded: string) => encoded.replace(/%../g, (byte) => byte.toLowerCase());
  return [secret, percent, lowerCase(percent), form, lowerCase(form), JSON.stringify(secret).slice(1, -1)];
}

/**
 * Four characters of base64 hold three bytes, so what a secret looks like depends on where it starts. Patterns of the
 * characters that are its own, and of the one on either side that it may share with its neighbours.
 */
function base64Forms(secret: string): string[] {
  const bytes = Array.from(new TextEncoder().encode(secret), (byte) => String.fromCharCode(byte)).join('');
  return [0, 1, 2].map((offset) => {
    const start = [0, 2, 3][offset];
    const end = Math.floor(((offset + bytes.length) * 8) / 6);
    const core = btoa('\0'.repeat(offset) + bytes).slice(start, end);
    const eitherAlphabet = core.replace(/\+/g, '[+-]').replace(/\//g, '[/_]');
    return `[\\w+/-]?${eitherAlphabet}[\\w+/-]?={0,2}`;
  });
}
