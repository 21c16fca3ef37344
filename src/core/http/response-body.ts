/**
 * The body of a token endpoint's answer, as members; no body makes the reader throw.
 *
 * @module
 */
import { ownMembers } from '../own-members.ts';

/**
 * Reads a body as JSON or, where a form holds what an answer consists of, as a form: by its looks, because servers send
 * JSON as `text/html` and forms as `text/plain`. `undefined`: neither, so it does not come from a token endpoint.
 *
 * @see RFC 6749 §5.1, §5.2: answers are JSON. GitHub's are forms.
 */
export function parseBody(body: string): unknown {
  const text = body.trim(); // a byte order mark counts as white space
  try {
    return withOwnMembersOnly(JSON.parse(text));
  } catch {
    return parseForm(text);
  }
}

/** Copies own members only: a polluted prototype must not add members to a server's answer. */
function withOwnMembersOnly(value: unknown): unknown {
  return isJsonObject(value) ? ownMembers(value) : value;
}

function parseForm(text: string): Record<string, string> | undefined {
  // Pages hold links like ?next=%2F&error=1, so what has a tag or several lines is no form.
  if (!text.includes('=') || /[<\r\n]/.test(text)) return undefined;
  const form = new URLSearchParams(text);
  return form.has('access_token') || form.has('error') ? ownMembers(Object.fromEntries(form)) : undefined;
}

/** Tells whether a value has members. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value, if it is a string that says something. */
export function nonEmptyString(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/**
 * How deep a member may be nested. `JSON.parse` reads a hundred thousand levels; whoever walks through them to write them
 * down runs out of stack, and the successor of the refresh token would never be stored.
 */
const maxDepth = 32;

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((member) => isShallow(member, levels - 1));
}

/**
 * A copy of an object without some of its members, and without what no storage could write. `__proto__` never comes along: it is an ordinary member of what
 * `JSON.parse` makes, and turns into a prototype as soon as someone assigns it to another object.
 */
export function omitMembers(
  members: Readonly<Record<string, unknown>>,
  names: ReadonlySet<string>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(members).filter(
      ([name, value]) => name !== '__proto__' && !names.has(name) && isShallow(value, maxDepth),
    ),
  );
}
