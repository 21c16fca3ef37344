/**
 * What a transport's error says about the request: did it leave?
 *
 * @module
 */
import { redact } from './redact.ts';

/**
 * Codes of Node's sockets, name resolution and TLS, and of undici, for a connection that never came to be. Whatever
 * is not on this list may have reached the server: browsers tell nothing at all ("Failed to fetch").
 */
const neverConnected: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_NODATA',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'ECONNECTTIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_INVALID_ARG',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** Tells whether a request may have reached the server although the transport failed. In doubt it has. */
export function mayHaveBeenSent(error: unknown): boolean {
  return !chain(error).some((link) => {
    const codes = codesOf(link);
    return codes.length > 0 && codes.every((code) => neverConnected.has(code));
  });
}

/** The codes of an error; several for an `AggregateError` of attempts on several addresses. */
function codesOf(error: object): string[] {
  const { errors, code } = error as { errors?: unknown; code?: unknown };
  const codes = Array.isArray(errors)
    ? errors.map((one) => (one as { code?: unknown } | null)?.code)
    : [code];
  return codes.map(String);
}

/** An error and its causes, a few links deep. */
function chain(error: unknown): object[] {
  const links: object[] = [];
  for (let link = error; typeof link === 'object' && link !== null && links.length < 5; ) {
    links.push(link);
    link = (link as { cause?: unknown }).cause;
  }
  return links;
}

/** A copy of a foreign error that is fit to be a `cause`: names, messages and codes, without secrets. */
export function safeCause(error: unknown, secrets: readonly (string | undefined)[]): Error | undefined {
  const copies = chain(error).map((link) => {
    const { name, message, code } = link as { name?: unknown; message?: unknown; code?: unknown };
    // That of a parser quotes what it could not read.
    const text = name === 'SyntaxError' ? 'It is not well-formed.' : String(message ?? '');
    const copy = new Error(redact(text, secrets));
    copy.name = redact(String(name ?? 'Error'), secrets);
    // Its stack would begin here, and say nothing of where the error was made.
    copy.stack = `${copy.name}: ${copy.message}`;
    return typeof code === 'string' ? Object.assign(copy, { code: redact(code, secrets) }) : copy;
  });
  copies.forEach((copy, index) => {
    if (copies[index + 1] !== undefined) copy.cause = copies[index + 1];
  });
  return copies[0];
}
