/**
 * What a transport's error says about the request: did it leave?
 *
 * @module
 */
import { redactAll, type Secrets } from '../redact.ts';

/** System calls that precede a connection: whatever fails in them, nothing was sent. */
const beforeConnectionCalls = /^(?:connect|getaddrinfo|query[A-Za-z]*)$/;

/**
 * Codes of a connection that was never made: of sockets and name resolution, of undici and Bun, of certificates that Node
 * does not accept, and of a TLS handshake that either side broke off. Everything else may have reached the server:
 * browsers report no reason at all ("Failed to fetch").
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
 * Messages that stand in place of a code: of undici, Node's TLS, Deno and Electron. Without flags: a bundler drops an unused `new
 * RegExp()` only then.
 */
const neverConnectedMessage = new RegExp(
  `^(?:${[
    'bad port|unknown scheme|Proxy response \\(\\d+\\) !== 200 when HTTP Tunneling',
    'Client network socket disconnected before secure TLS connection was established',
    '[^]*: client error \\(Connect\\)[^]*',
    'net::ERR_(?:CONNECTION_REFUSED|NAME_NOT_RESOLVED|ADDRESS_\\w+|(?:PROXY|TUNNEL)_CONNECTION_FAILED|UNSAFE_PORT|CERT_\\w+)',
  ].join('|')})$`,
);

/** Checks whether a request may have reached the server although the transport failed. In doubt it has. */
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

/** The error itself; several for an `AggregateError` of attempts on several addresses. */
function attemptsOf(error: object): unknown[] {
  const errors = safeMember(error, 'errors');
  return (
    readSafely(() => (Array.isArray(errors) && errors.length > 0 ? errors.slice(0, 100) : [error])) ?? [error]
  );
}

/** An error and its causes, a few links deep. */
function causeChain(error: unknown): object[] {
  const links: object[] = [];
  for (let link = error; typeof link === 'object' && link !== null && links.length < 5; ) {
    links.push(link);
    link = safeMember(link, 'cause');
  }
  return links;
}

/** Reads a foreign value. Getters, proxies and `toString()` may throw: then the value counts as missing. */
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

/** A copy of a foreign error that is fit to be a `cause`: names, messages and codes, without secrets. Never throws. */
export function safeCause(error: unknown, secrets: Secrets): Error | undefined {
  const links = causeChain(error);
  const texts = links.flatMap((link) => {
    const name = safeText(link, 'name') || 'Error';
    const code = safeMember(link, 'code');
    // That of a parser quotes what it could not read.
    const message = name === 'SyntaxError' ? 'It is not well-formed.' : safeText(link, 'message');
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
