/**
 * Removes secrets from foreign text. It never throws, and its time grows with the length of the texts plus that of the secrets,
 * not with their product. Imports nothing.
 *
 * @module
 */

/** Values that must not occur in a text. */
export type Secrets = readonly (string | undefined)[];

const redacted = '[redacted]';
/** Minimum length of a secret. Shorter values are not secrets, and removing them would remove ordinary words. */
const minSecretLength = 4;
/** Minimum length of a piece of base64. A match of this length is unlikely to be a coincidence. */
const minEncodedLength = 8;
/** Number of consecutive characters that identify a piece of a secret. Shorter secrets are searched for whole. */
const pieceLength = 16;
/** Longest text, in characters. Longer ones are cut: headers are not longer, and logs need less. */
const maxTextLength = 16_384;
/** Longest total length of all secrets, in characters. If they are longer, the whole text is redacted. */
const maxSecretsLength = 250_000;

/**
 * Replaces every piece of each secret by `[redacted]`, including pieces that are URL-encoded, JSON-escaped, in another case, or
 * part of base64 text, such as the credentials of a Basic header.
 */
export function redact(text: string, secrets: Secrets): string {
  return redactAll([text], secrets)[0] as string;
}

/** Redacts several texts, and reads the secrets only once. */
export function redactAll(texts: readonly string[], secrets: Secrets): string[] {
  try {
    const known = new Set(secrets.filter((one = '') => one.length >= minSecretLength)) as ReadonlySet<string>;
    const length = [...known].reduce((sum, one) => sum + one.length, 0);
    if (length > maxSecretsLength) return texts.map(() => redacted);
    return length === 0 ? texts.map((text) => replaceMarked(text, [])) : withoutSecrets(texts, known);
  } catch {
    return texts.map(() => redacted); // a text that may contain a secret is removed completely
  }
}

function withoutSecrets(texts: readonly string[], secrets: ReadonlySet<string>): string[] {
  const folded = texts.map((text) => fold(text.slice(0, maxTextLength)));
  const inTexts = new Set(folded.flatMap(piecesOf));
  const found = { plain: new Set<string>(), encoded: new Set<string>() };
  for (const secret of secrets) {
    for (const form of plainForms(secret)) collect(form, inTexts, found.plain);
    if (secret.length < minEncodedLength) continue;
    for (const form of base64Forms(secret)) collect(form, inTexts, found.encoded);
  }
  return texts.map((text, index) => {
    const line = folded[index] as string;
    const marks = new Uint8Array(line.length);
    mark(line, found.plain, (start, end) => marks.fill(1, start, end));
    // The adjacent characters hold bits of the secret and of its neighbours.
    mark(line, found.encoded, (start, end) => {
      const [before = ''] = /[\w+/]?$/.exec(line.slice(Math.max(0, start - 1), start)) ?? [];
      const [after = ''] = /^[\w+/]?={0,2}/.exec(line.slice(end, end + 3)) ?? [];
      marks.fill(1, start - before.length, end + after.length);
    });
    return replaceMarked(text, marks);
  });
}

/** Folds case and both alphabets of base64. Keeps every character in its place. */
function fold(text: string): string {
  const lower = text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  return lower.replace(/-/g, '+').replace(/_/g, '/');
}

function piecesOf(text: string): string[] {
  const count = Math.max(0, text.length - pieceLength + 1);
  return Array.from({ length: count }, (_, at) => text.slice(at, at + pieceLength));
}

/** Collects the pieces of one form of a secret that occur in a text, or the whole of a short form. */
function collect(form: string, inTexts: ReadonlySet<string>, found: Set<string>): void {
  const text = fold(form);
  if (text.length < pieceLength) found.add(text);
  if (inTexts.size === 0) return;
  for (let at = 0; at + pieceLength <= text.length; at++) {
    const piece = text.slice(at, at + pieceLength);
    if (inTexts.has(piece)) found.add(piece);
  }
}

/** Calls back for every occurrence of one of `pieces`. */
function mark(text: string, pieces: ReadonlySet<string>, hit: (start: number, end: number) => void): void {
  for (const [at, piece] of piecesOf(text).entries()) if (pieces.has(piece)) hit(at, at + pieceLength);
  for (const piece of pieces) {
    if (piece.length === pieceLength) continue;
    for (let at = text.indexOf(piece); at >= 0; at = text.indexOf(piece, at + 1)) hit(at, at + piece.length);
  }
}

/** Replaces the marked characters, and cuts a long text. */
function replaceMarked(text: string, marks: readonly number[] | Uint8Array): string {
  const isCut = text.length > maxTextLength;
  // The text may end with the start of a secret that is too short to be recognised.
  const end = isCut ? maxTextLength - pieceLength : text.length;
  const parts: string[] = [];
  for (let from = 0; from < end; ) {
    const isMarked = marks[from] === 1;
    const next = marks.indexOf(isMarked ? 0 : 1, from);
    const to = next < 0 ? end : Math.min(next, end);
    parts.push(isMarked ? redacted : text.slice(from, to));
    from = to;
  }
  return `${parts.join('')}${isCut ? '…' : ''}`;
}

function plainForms(secret: string): ReadonlySet<string> {
  // Lone surrogates make encodeURIComponent throw; with the u flag these are the only ones that match.
  const wellFormed = secret.replace(/\p{Surrogate}/gu, '\uFFFD');
  const form = new URLSearchParams([['', wellFormed]]).toString().slice(1);
  return new Set([secret, encodeURIComponent(wellFormed), form, JSON.stringify(secret).slice(1, -1)]);
}

/**
 * Returns the three base64 forms of a secret. Four characters of base64 hold three bytes, so the form depends on the position of
 * the secret. Each form consists of the characters that depend on the secret only.
 */
function base64Forms(secret: string): string[] {
  const bytes = Array.from(new TextEncoder().encode(secret), (byte) => String.fromCharCode(byte)).join('');
  return [0, 1, 2].map((offset) => {
    const start = [0, 2, 3][offset];
    const end = Math.floor(((offset + bytes.length) * 8) / 6);
    return btoa('\0'.repeat(offset) + bytes).slice(start, end);
  });
}
