/**
 * What a transport's error says about the request: did it leave?
 *
 * @module
 */
import { redactAll, type Secrets } from './redact.ts';

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
  const errors = memberOf(error, 'errors');
  const all = foreign(() => (Array.isArray(errors) ? errors.slice(0, 100) : [error])) ?? [error];
  return all.map((one) => textOf(one, 'code'));
}

/** An error and its causes, a few links deep. */
function chain(error: unknown): object[] {
  const links: object[] = [];
  for (let link = error; typeof link === 'object' && link !== null && links.length < 5; ) {
    links.push(link);
    link = memberOf(link, 'cause');
  }
  return links;
}

/** Looks at something foreign. Getters, proxies and `toString()` may throw: what cannot be seen is not there. */
function foreign<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

function memberOf(one: unknown, name: string): unknown {
  return foreign(() => (one as Readonly<Record<string, unknown>>)[name]);
}

function textOf(one: unknown, name: string): string {
  const value = memberOf(one, name);
  return foreign(() => String(value ?? '')) ?? '';
}

/** A copy of a foreign error that is fit to be a `cause`: names, messages and codes, without secrets. Never throws. */
export function safeCause(error: unknown, secrets: Secrets): Error | undefined {
  const links = chain(error);
  const texts = links.flatMap((link) => {
    const name = textOf(link, 'name') || 'Error';
    const code = memberOf(link, 'code');
    // That of a parser quotes what it could not read.
    const message = name === 'SyntaxError' ? 'It is not well-formed.' : textOf(link, 'message');
    return [name, message, typeof code === 'string' ? code : ''];
  });
  const safe = redactAll(texts, secrets);
  return links.reduceRight<Error | undefined>((cause, _link, index) => {
    const [name = '', message, code = ''] = safe.slice(3 * index);
    const copy = new Error(message, cause && { cause });
    copy.name = name;
    // Its stack would begin here, and say nothing of where the error was made.
    copy.stack = `${name}: ${message}`;
    return code === '' ? copy : Object.assign(copy, { code });
  }, undefined);
}
