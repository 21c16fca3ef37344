/**
 * `WWW-Authenticate`, read tolerantly: no input makes the reader throw, and its work grows with the length of
 * the input, no faster. Imports nothing.
 *
 * @module
 */

/** One challenge of a `WWW-Authenticate` header (RFC 9110 §11.3). */
export interface Challenge {
  /** The authentication scheme, in lower case: `bearer`, `dpop`, `basic`, … */
  readonly scheme: string;
  /** What some schemes send instead of parameters, as it came. */
  readonly token68?: string;
  /** Names in lower case, values without quotes and escapes. Without a prototype, so any name is just a name. */
  readonly parameters: Readonly<Record<string, string>>;
}

interface Cursor {
  readonly text: string;
  at: number;
}

type Draft = Challenge & { readonly parameters: Record<string, string> };

// Sticky: each starts where the cursor stands. Neighbouring parts of a pattern share no character, so a match that
// fails gives back what it took only once, and each character is passed over a fixed number of times at most.
const separators = /[^\w!#$%&'*+\-.^`|~"]*/y; // whatever begins neither a name nor a string
const token = /[\w!#$%&'*+\-.^`|~]+/y;
const equals = /\s*=\s*/y;
const token68 = /\s+([\w\-.~+/]+=*)\s*(?=,|$)/y;
const unquoted = /[^\s,;"]+/y;
// Not in any RFC, but in Twitch's answers: OAuth realm='TwitchTV', error='invalid_token'
const singleQuoted = /'([^'"]*)'(?=[\s,;]|$)/y;

/**
 * Reads the challenges of a `WWW-Authenticate` header, of several joined by `, ` too. What no grammar allows is
 * stepped over and what is cut off ends with the header, so that the rest is still understood. What stands inside
 * a quoted string is never a challenge. Of a parameter that comes twice in one challenge the first counts.
 *
 * @see RFC 9110 §11.2, §11.6.1; RFC 6750 §3
 */
export function parseChallenges(header: string | null): readonly Challenge[] {
  const challenges: Draft[] = [];
  if (header === null) return challenges;
  const cursor = { text: header, at: 0 };
  while (cursor.at < header.length) readNext(cursor, challenges);
  return challenges;
}

function readNext(cursor: Cursor, challenges: Draft[]): void {
  take(separators, cursor);
  if (readQuoted(cursor) !== undefined) return; // a string without a name, as in: OAuth "Facebook Platform"
  const name = take(token, cursor)?.[0].toLowerCase();
  if (name === undefined) return; // the end: anything else is a separator
  if (take(equals, cursor)) {
    const value = readValue(cursor);
    const parameters = challenges.at(-1)?.parameters;
    if (parameters !== undefined && !(name in parameters)) parameters[name] = value;
  } else {
    const data = take(token68, cursor)?.[1];
    const parameters: Record<string, string> = Object.create(null);
    challenges.push({ scheme: name, ...(data !== undefined && { token68: data }), parameters });
  }
}

function readValue(cursor: Cursor): string {
  return readQuoted(cursor) ?? take(singleQuoted, cursor)?.[1] ?? take(unquoted, cursor)?.[0] ?? '';
}

/** Reads a quoted string (RFC 9110 §5.6.4) if one begins here. One without an end ends with the header. */
function readQuoted(cursor: Cursor): string | undefined {
  const { text } = cursor;
  if (text[cursor.at] !== '"') return undefined;
  let value = '';
  let start = cursor.at + 1;
  let at = start;
  while (at < text.length && text[at] !== '"') {
    if (text[at] === '\\') {
      value += text.slice(start, at);
      start = at + 1;
      at += 1; // what is escaped stands for itself, also a quote
    }
    at += 1;
  }
  cursor.at = at + 1;
  return value + text.slice(start, at);
}

function take(pattern: RegExp, cursor: Cursor): RegExpExecArray | null {
  pattern.lastIndex = cursor.at;
  const match = pattern.exec(cursor.text);
  if (match !== null) cursor.at = pattern.lastIndex;
  return match;
}
