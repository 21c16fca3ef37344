/**
 * Interprets the response of a protected resource: is it evidence against the access token that was sent? That is
 * judged here and nowhere else. `WWW-Authenticate` is read tolerantly: no input makes the reader throw, and its work
 * grows linearly with the length of the input. Imports nothing.
 *
 * @module
 */

/** Requirements of a protected resource beyond a valid token: not a refresh, but a new authorization of the user. */
export interface StepUp {
  readonly error: 'insufficient_scope' | 'insufficient_user_authentication' | 'insufficient_claims';
  /** The scopes that the call needs (RFC 6750 §3). */
  readonly scope?: readonly string[];
  /** Those of them that the token was not issued with, where its scope is known. */
  readonly missingScope?: readonly string[];
  /** The authentication contexts that would do, the preferred one first (RFC 9470 §3). */
  readonly acrValues?: readonly string[];
  /** How long ago the user may have signed in, in seconds (RFC 9470 §3). */
  readonly maxAge?: number;
  /** The claims that Microsoft asks for, as they came: base64 of the JSON that the authorization request wants. */
  readonly claims?: string;
}

/**
 * The verdict on the access token.
 *
 * - `none`: nothing is said about the token.
 * - `invalid-token`: the token is proven rejected, the request was not processed. Refresh and replay.
 * - `unclear`: a 401 that does not say why. It may be evidence, at most once per token.
 * - `dpop-nonce`: the DPoP proof lacks the server's nonce. Replay with it; the token was not looked at.
 * - `step-up`: the token is valid and not enough. A refresh does not help.
 */
export type Rejection =
  | { readonly kind: 'none' }
  | { readonly kind: 'invalid-token' }
  | { readonly kind: 'unclear' }
  | { readonly kind: 'dpop-nonce' }
  | { readonly kind: 'step-up'; readonly stepUp: StepUp };

const stepUpErrors: readonly string[] = [
  'insufficient_scope',
  'insufficient_user_authentication',
  'insufficient_claims',
] satisfies readonly StepUp['error'][];

/**
 * Classifies the response of a protected resource by its status and its `WWW-Authenticate` header, whatever the scheme.
 * Only a 401 is ever evidence against a token: a 403 can ask for more, any other status says nothing.
 *
 * @see RFC 6750 §3.1, RFC 9449 §7.1 and §9, RFC 9470 §3
 */
export function classifyRejection(status: number, wwwAuthenticate: string | null): Rejection {
  if (status !== 401 && status !== 403) return { kind: 'none' };
  const challenges = parseChallenges(wwwAuthenticate);
  if (status === 401) {
    // Before all others, when a server says several things at once: a dead token lacks nothing, so what else is said
    // holds for no token at all. A refresh costs one rotation, and the answer to the replay says the rest about a
    // token that lives. The other way round the user is sent to a login that a refresh would have spared them, and a
    // client without DPoP never refreshes, because it is asked for a nonce too.
    if (hasError(challenges, 'invalid_token')) return { kind: 'invalid-token' };
    // Before step-up: to ask again is free, and a server that wants a nonce has not looked at the token yet.
    if (hasError(challenges, 'use_dpop_nonce')) return { kind: 'dpop-nonce' };
  }
  const stepUpChallenge = challenges.find(({ parameters }) =>
    stepUpErrors.includes(parameters['error'] ?? ''),
  );
  if (stepUpChallenge !== undefined)
    return { kind: 'step-up', stepUp: readStepUp(stepUpChallenge.parameters) };
  // The request or its DPoP proof is at fault, and the server says so: another token would change nothing.
  const isAboutRequest =
    hasError(challenges, 'invalid_request') || hasError(challenges, 'invalid_dpop_proof');
  // Any other 401 is unclear: no header (stripped on its way, or hidden by CORS), no error, an error that no
  // RFC knows, or only `Basic` and the like, from a server that did not look at the token.
  return { kind: status === 403 || isAboutRequest ? 'none' : 'unclear' };
}

function hasError(challenges: readonly Challenge[], error: string): boolean {
  return challenges.some(({ parameters }) => parameters['error'] === error);
}

/** Compares what is asked for with what the token was issued with. */
export function withMissingScope(stepUp: StepUp, granted: readonly string[] | undefined): StepUp {
  if (stepUp.scope === undefined || granted === undefined) return stepUp;
  return { ...stepUp, missingScope: stepUp.scope.filter((one) => !granted.includes(one)) };
}

function readStepUp(parameters: Challenge['parameters']): StepUp {
  const scope = readWords(parameters['scope']);
  const acrValues = readWords(parameters['acr_values']);
  const maxAge = Number(parameters['max_age']?.match(/^\d+$/)?.[0]); // NaN if it is not a number
  const claims = parameters['claims'];
  return {
    error: parameters['error'] as StepUp['error'],
    ...(scope.length > 0 && { scope }),
    ...(acrValues.length > 0 && { acrValues }),
    ...(Number.isSafeInteger(maxAge) && { maxAge }),
    ...(claims && { claims }),
  };
}

function readWords(list: string | undefined): readonly string[] {
  return list?.match(/\S+/g) ?? [];
}

/** One challenge of a `WWW-Authenticate` header (RFC 9110 §11.3). */
export interface Challenge {
  /** The authentication scheme, in lower case: `bearer`, `dpop`, `basic`, … */
  readonly scheme: string;
  /** The token68 value that some schemes send instead of parameters, unchanged. */
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
// Not in any RFC, but in Twitch's responses: OAuth realm='TwitchTV', error='invalid_token'
const singleQuoted = /'([^'"]*)'(?=[\s,;]|$)/y;

/**
 * Reads the challenges of a `WWW-Authenticate` header, of several joined by `, ` too. Characters that no grammar
 * allows are skipped, and a truncated challenge ends with the header, so that the rest is still understood. Text
 * inside a quoted string is never a challenge. Of a parameter that comes twice in one challenge the first counts.
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
      at += 1; // an escaped character stands for itself, also a quote
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
