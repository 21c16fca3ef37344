/**
 * What a server says when it refuses, in a form that is fit to be told: without secrets, and not longer than a log wants.
 *
 * @module
 */
import { redact } from './redact.ts';

/** What a server says when it refuses. Foreign text: show it as text, never as HTML. */
export interface ServerWords {
  /** The OAuth error code, when it gave one. */
  readonly error?: string | undefined;
  /** One line for people. */
  readonly description?: string | undefined;
  /** The members of the refusal that `errorDetails` of the {@link ProviderProfile} names: `error_id`, `claims`, … */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/** Longer details are left out, in characters of JSON: they are stored with a failure. */
const longest = 4_096;

/**
 * Takes the secrets out of a refusal, and of what it says besides its code whatever nobody has asked for: foreign text gets
 * into errors, and from there into logs and pages, only of servers whose profile says what it is.
 */
export function tellable(
  { error, description, details = {} }: ServerWords,
  asked: readonly string[] | undefined,
  secrets: readonly (string | undefined)[],
): ServerWords {
  if (asked === undefined) return { error: error && redact(error, secrets) };
  // A description was cut between words: of a secret with spaces there may be a part.
  const words = secrets.flatMap((secret) => [secret, ...(secret?.split(/\s+/) ?? [])]);
  const wanted = asked.filter((name) => Object.hasOwn(details, name));
  const told = wanted.length === 0 ? undefined : wanted.map((name) => [name, details[name]]);
  return {
    error: error && redact(error, secrets),
    description: description && redact(description, words),
    details: told && cleaned(Object.fromEntries(told), secrets),
  };
}

/** Values and names: a server may put a token into either. */
function cleaned(
  details: Readonly<Record<string, unknown>>,
  secrets: readonly (string | undefined)[],
): ServerWords['details'] {
  if (JSON.stringify(details).length > longest) return undefined;
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return redact(value, secrets);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(walk);
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [redact(name, secrets), walk(one)]));
  };
  return walk(details) as ServerWords['details'];
}
