/**
 * Details of a server's error response that are safe to report: without secrets, and short enough for a log.
 *
 * @module
 */
import { emptyObject } from '../own-members.ts';
import { redact, redactAll, type Secrets } from '../redact.ts';

/** Details of a server's error response. Foreign text: show it as text, never as HTML. */
export interface ServerErrorDetails {
  /** OAuth error code, if the server sent one. */
  readonly error?: string | undefined;
  /** Description for people, in one line. */
  readonly description?: string | undefined;
  /** The members of the refusal that `errorDetails` of the {@link ProviderProfile} names: `error_id`, `claims`, … */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/** Maximum length of details, in characters of JSON. Longer ones are omitted, because details are stored with a failure. */
const maxDetailsLength = 4_096;
const maxLineLength = 200;

/** Selects the members of a refusal that may be shown. Known error codes need no search for secrets. */
export interface ErrorDetailsPolicy {
  readonly errorDetails?: readonly string[] | undefined;
  readonly errorCodes?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Removes the secrets from an error response, and all members that the profile does not name. Foreign text reaches errors, logs
 * and pages only from servers whose profile describes it. Never throws.
 */
export function redactErrorDetails(
  { error, description, details = {} }: ServerErrorDetails,
  profile: ErrorDetailsPolicy | undefined,
  secrets: Secrets,
): ServerErrorDetails {
  const { errorDetails: requested, errorCodes = {} } = profile ?? emptyObject;
  const isKnown = error !== undefined && Object.hasOwn(errorCodes, error);
  const code = isKnown ? error : safeErrorCode(error, secrets);
  if (requested === undefined) return { error: code };
  const names = requested.filter((name) => Object.hasOwn(details, name));
  return {
    error: code,
    description: toSingleLine(redact(description ?? '', secrets)),
    details: names.length === 0 ? undefined : redactMembers(details, names, secrets),
  };
}

/** Returns the error code of a response (RFC 6749 §5.2), if it has the form of one and contains no part of a secret. */
export function safeErrorCode(error: string | undefined, secrets: Secrets): string | undefined {
  return error !== undefined && isErrorCode(error) && redact(error, secrets) === error ? error : undefined;
}

/**
 * Pattern of readable words, in one case or with capitals in between, with an optional error number at the end: `AADSTS70008`,
 * `InvalidToken`.
 */
const readable = /^(?=.{1,40}$)(?:[A-Z]*[a-z]{2,}(?![a-z])|[A-Z]+(?![A-Za-z]))*\d{0,8}$/;

/**
 * Checks whether a text may be an error code: it is short, has only the characters of RFC 6749 §5.2 without the space
 * (Cloudentity and Twitch send sentences), and the parts between its separators are readable words. A part that looks random may
 * be a token, a part of one, or an encoded one.
 */
export function isErrorCode(text: string): boolean {
  return (
    /^[!#-[\]-~]{1,64}$/.test(text) &&
    text.split(/[_.:/-]/).every((part) => part.length < 6 || readable.test(part))
  );
}

/** Returns one line without control characters, at most 200 characters long, cut between words. `undefined`: nothing is left. */
export function toSingleLine(text: string): string | undefined {
  const line = withoutControls(text);
  const short =
    line.length > maxLineLength ? line.slice(0, Math.max(line.lastIndexOf(' ', maxLineLength), 0)) : line;
  return short === '' ? undefined : short;
}

/** Replaces control characters and line ends with spaces. */
export function withoutControls(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}

/** Redacts values and names, because a server may put a token into either. */
function redactMembers(
  details: Readonly<Record<string, unknown>>,
  names: readonly string[],
  secrets: Secrets,
): ServerErrorDetails['details'] {
  try {
    const requested = Object.fromEntries(names.map((name) => [name, details[name]]));
    if (JSON.stringify(requested).length > maxDetailsLength) return undefined;
    const texts: string[] = [];
    replaceTexts(requested, (text) => {
      texts.push(text);
      return text;
    });
    const clean = redactAll(texts, secrets).values();
    return replaceTexts(requested, () => clean.next().value ?? '') as ServerErrorDetails['details'];
  } catch {
    return undefined; // nested too deeply to be traversed
  }
}

/** Returns a copy in which `replace` has replaced every text, in order. */
function replaceTexts(value: unknown, replace: (text: string) => string): unknown {
  if (typeof value === 'string') return replace(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((one) => replaceTexts(one, replace));
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [replace(name), replaceTexts(one, replace)]),
  );
}
