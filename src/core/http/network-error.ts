/**
 * Interprets an error of a transport: decides whether the request may have been sent.
 *
 * @module
 */
import { redactAll, type Secrets } from '../redact.ts';

/** System calls that precede a connection. If one of them fails, nothing was sent. */
const beforeConnectionCalls = /^(?:connect|getaddrinfo|query[A-Za-z]*)$/;

/**
 * Error codes of a connection that failed: those of sockets and name resolution, of undici and Bun, of certificates that Node
 * does not accept, and of an aborted TLS handshake. With any other error, the request may have reached the server: browsers
 * report no reason ("Failed to fetch").
 */
const neverConnected = new RegExp(
  `^(?:${[
    'ECONNREFUSED|ENOTFOUND|EAI_\\w+|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|ECONNECTTIMEOUT',
    'ConnectionRefused|UND_ERR_(?:CONNECT_TIMEOUT|INVALID_ARG|CLOSED|PRX_TLS)',
    '(?:CERT|CRL|UNABLE_TO|ERROR_IN_C(?:ERT|RL))_\\w+|ERR_TLS_CERT_ALTNAME_INVALID|DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN|INVALID_(?:CA|PURPOSE)|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH',
    'ERR_SSL_(?:WRONG_VERSION_NUMBER|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS_AVAILABLE)',
    'ERR_SSL_.*ALERT_(?:HANDSHAKE_FAILURE|PROTOCOL_VERSION|INSUFFICIENT_SECURITY|NO_APPLICATION_PROTOCOL|UNKNOWN_CA)',
    'ERR_SSL_.*(?:UNRECOGNIZED_NAME|ALERT_(?:\\w+_)?CERTIFICATE(?:_\\w+)?)',
  ].join('|')})$`,
);

/**
 * Messages of errors without a code: those of undici, Node's TLS, Deno and Electron. Without flags, because a bundler only then
 * drops an unused `new RegExp()`.
 */
const neverConnectedMessage = new RegExp(
  `^(?:${[
    'bad port|unknown scheme|Proxy response \\(\\d+\\) !== 200 when HTTP Tunneling',
    'Client network socket disconnected before secure TLS connection was established',
    '[^]*: client error \\(Connect\\)[^]*',
    'net::ERR_(?:CONNECTION_REFUSED|NAME_NOT_RESOLVED|ADDRESS_\\w+|(?:PROXY|TUNNEL)_CONNECTION_FAILED|UNSAFE_PORT|CERT_\\w+)',
  ].join('|')})$`,
);

/** Checks whether a request may have reached the server although the transport failed. In doubt, returns `true`. */
export function mayHaveBeenSent(error: unknown): boolean {
  return !causeChain(error).some((link) => attemptsOf(link).every(wasNeverSent));
}

function wasNeverSent(one: unknown): boolean {
  const call = safeText(one, 'syscall') || safeText(one, 'erroredSysCall'); // the latter of node-fetch
  return (
    beforeConnectionCalls.test(call) ||
    neverConnected.test(safeText(one, 'code')) ||
    neverConnectedMessage.test(safeText(one, 'message').slice(0, 500))
  );
}

/** Returns the error itself, or the errors of an `AggregateError` for attempts on several addresses. */
function attemptsOf(error: object): unknown[] {
  const errors = safeMember(error, 'errors');
  return (
    readSafely(() => (Array.isArray(errors) && errors.length > 0 ? errors.slice(0, 100) : [error])) ?? [error]
  );
}

/** Returns an error and its causes, to a limited depth. */
function causeChain(error: unknown): object[] {
  const links: object[] = [];
  for (let link = error; typeof link === 'object' && link !== null && links.length < 5; ) {
    links.push(link);
    link = safeMember(link, 'cause');
  }
  return links;
}

/** Reads a foreign value. If a getter, a proxy or `toString()` throws, the value counts as missing. */
function readSafely<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

function safeMember(one: unknown, name: string): unknown {
  return readSafely(() => (one as Readonly<Record<string, unknown>>)[name]);
}

function safeText(one: unknown, name: string): string {
  return readSafely(() => String(safeMember(one, name) ?? '')) ?? '';
}

/** Returns a copy of a foreign error for use as a `cause`: names, messages and codes, without secrets. Never throws. */
export function safeCause(error: unknown, secrets: Secrets): Error | undefined {
  const links = causeChain(error);
  const texts = links.flatMap((link) => {
    const name = safeText(link, 'name') || 'Error';
    const code = safeMember(link, 'code');
    // The message of a parser quotes its input.
    const message = name === 'SyntaxError' ? 'It is not well-formed.' : safeText(link, 'message');
    return [name, message, typeof code === 'string' ? code : ''];
  });
  const safe = redactAll(texts, secrets);
  return links.reduceRight<Error | undefined>((cause, _link, index) => {
    const [name = '', message, code = ''] = safe.slice(3 * index);
    const copy = new Error(message, cause && { cause });
    copy.name = name;
    // The stack of the copy would begin here, not at the origin of the error.
    copy.stack = `${name}: ${message}`;
    return code === '' ? copy : Object.assign(copy, { code });
  }, undefined);
}
