/**
 * Interprets the response of a protected resource as evidence for or against the access token. No other module does so.
 * `WWW-Authenticate` is read tolerantly: no input makes the reader throw, and its work grows linearly with the length of the
 * input. Imports nothing.
 *
 * @module
 */

/** Requirements of a protected resource beyond a valid token: not a refresh, but a new authorization of the user. */
export interface StepUp {
  readonly error: 'insufficient_scope' | 'insufficient_user_authentication' | 'insufficient_claims';
  /** Scopes that the call needs (RFC 6750 §3). */
  readonly scope?: readonly string[];
  /** Scopes among them that the token was not issued with, if its scope is known. */
  readonly missingScope?: readonly string[];
  /** Accepted authentication contexts, the preferred one first (RFC 9470 §3). */
  readonly acrValues?: readonly string[];
  /** Largest accepted time since the sign-in of the user, in seconds (RFC 9470 §3). */
  readonly maxAge?: number;
  /** Claims that Microsoft requires, unchanged: base64 of the JSON for the authorization request. */
  readonly claims?: string;
}

/**
 * The verdict on the access token.
 *
 * - `none`: the response is no evidence about the token.
 * - `invalid-token`: the token is proven rejected, the request was not processed. Refresh and replay.
 * - `unclear`: a 401 without a reason. It may be evidence, at most once per token.
 * - `dpop-nonce`: the DPoP proof lacks the server's nonce. Replay with it; the token was not checked.
 * - `step-up`: the token is valid but not sufficient. A refresh does not help.
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
 * Classifies the response of a protected resource by its status and its `WWW-Authenticate` header, for any scheme. Only a 401 can
 * be evidence against a token: a 403 can require more, and any other status is no evidence.
 *
 * @see RFC 6750 §3.1, RFC 9449 §7.1 and §9, RFC 9470 §3
 */
export function classifyRejection(status: number, wwwAuthenticate: string | null): Rejection {
  if (status !== 401 && status !== 403) return { kind: 'none' };
  const challenges = parseChallenges(wwwAuthenticate);
  if (status === 401) {
    // Checked first if a server sends several errors at once, because the others do not apply to an invalid token. A refresh
    // costs one rotation, and the response to the replay reports the rest about the valid token. In the other order, the user
    // would be sent to an unnecessary login, and a client without DPoP would never refresh because a nonce is required too.
    if (hasError(challenges, 'invalid_token')) return { kind: 'invalid-token' };
    // Before step-up: another request is free, and a server that requires a nonce has not checked the token yet.
    if (hasError(challenges, 'use_dpop_nonce')) return { kind: 'dpop-nonce' };
  }
  const stepUpChallenge = challenges.find(({ parameters }) =>
    stepUpErrors.includes(parameters['error'] ?? ''),
  );
  if (stepUpChallenge !== undefined)
    return { kind: 'step-up', stepUp: readStepUp(stepUpChallenge.parameters) };
  // The server reports an error in the request or its DPoP proof, so another token would not help.
  const isAboutRequest =
    hasError(challenges, 'invalid_request') || hasError(challenges, 'invalid_dpop_proof');
  // Any other 401 is unclear: no header (removed on the way, or hidden by CORS), no error, an error that no RFC defines, or only
  // `Basic` and the like, from a server that did not check the token.
  return { kind: status === 403 || isAboutRequest ? 'none' : 'unclear' };
}

function hasError(challenges: readonly Challenge[], error: string): boolean {
  return challenges.some(({ parameters }) => parameters['error'] === error);
}

/** Adds the required scopes that the token was not issued with. */
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

// Sticky: each pattern starts at the cursor. Adjacent parts of a pattern share no character, so a failing match backtracks only
// once, and each character is read a limited number of times.
const separators = /[^\w!#$%&'*+\-.^`|~"]*/y; // characters that begin neither a name nor a string
const token = /[\w!#$%&'*+\-.^`|~]+/y;
const equals = /\s*=\s*/y;
const token68 = /\s+([\w\-.~+/]+=*)\s*(?=,|$)/y;
const unquoted = /[^\s,;"]+/y;
// Not in any RFC, but in Twitch's responses: OAuth realm='TwitchTV', error='invalid_token'
const singleQuoted = /'([^'"]*)'(?=[\s,;]|$)/y;

/**
 * Reads the challenges of a `WWW-Authenticate` header, including several that are joined by `, `. Characters that no grammar
 * allows are skipped, and a truncated challenge ends with the header, so that the rest is still read. Text inside a quoted string
 * is never a challenge. If a parameter occurs twice in one challenge, the first counts.
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
