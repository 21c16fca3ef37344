/**
 * The parameters of a request to the token, revocation or introspection endpoint, read as strictly as RFC 6749 §3.2 requires.
 *
 * @module
 */

import type { Exchange } from './http-exchange.ts';
import { textOf } from './http-exchange.ts';
import { OAuthServerError } from './oauth-server-error.ts';

/** The only parameters that may come more than once (RFC 8707 §2, RFC 8693 §2.1). */
const repeatable: ReadonlySet<string> = new Set(['resource', 'audience']);

/** Parameters that must never be part of a URL. */
const secrets: readonly string[] = [
  'refresh_token',
  'access_token',
  'token',
  'client_secret',
  'client_assertion',
  'code',
  'code_verifier',
];

/** Checks whether the query of a request has a parameter that contains a secret. */
export function hasSecretInQuery(url: URL): boolean {
  return url.search !== '' && secrets.some((name) => url.searchParams.has(name));
}

/** Returns the parameters of a body, or none if it cannot be read. For counting only. */
export function peekParameters(exchange: Exchange): URLSearchParams {
  const text = textOf(exchange.body);
  if (!text.startsWith('{')) return new URLSearchParams(text);
  try {
    return fromJson(text);
  } catch {
    return new URLSearchParams();
  }
}

/**
 * Returns the parameters of a request. A parameter without a value counts as absent.
 *
 * @throws OAuthServerError
 */
export function readParameters(exchange: Exchange, encoding: 'form' | 'json'): URLSearchParams {
  if (hasSecretInQuery(exchange.url)) throw invalid('Credentials and tokens must not be part of the URL.');
  const expected = encoding === 'json' ? 'application/json' : 'application/x-www-form-urlencoded';
  const contentType = exchange.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (contentType !== expected) throw invalid(`The body must be ${expected}.`);
  const text = textOf(exchange.body);
  const all = encoding === 'json' ? fromJson(text) : new URLSearchParams(text);
  const parameters = new URLSearchParams();
  for (const [name, value] of all) {
    if (parameters.has(name) && !repeatable.has(name)) throw invalid(`The parameter ${name} comes twice.`);
    parameters.append(name, value);
  }
  for (const name of new Set(parameters.keys())) if (parameters.get(name) === '') parameters.delete(name);
  return parameters;
}

function fromJson(text: string): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(parsed(text))) {
    const values: unknown[] = Array.isArray(value) ? value : [value];
    for (const one of values) {
      if (typeof one !== 'string') throw invalid(`The parameter ${name} must be a string.`);
      parameters.append(name, one);
    }
  }
  return parameters;
}

function parsed(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // the same refusal as for JSON that is not an object
  }
  throw invalid('The body must be a JSON object.');
}

function invalid(description: string): OAuthServerError {
  return new OAuthServerError('invalid_request', description);
}
