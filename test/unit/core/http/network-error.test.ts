import { describe, expect, test } from 'vitest';
import { isTokenKeepError } from '../../../../src/core/errors.ts';
import { mayHaveBeenSent, safeCause } from '../../../../src/core/http/network-error.ts';
import { fc } from '../../../support/properties.ts';

const secret = 'a-refresh-token-that-nobody-may-see';

function throwing(): never {
  throw new Error(`the getter knows ${secret}`);
}

const getters = (...names: string[]) =>
  Object.defineProperties(
    {},
    Object.fromEntries(names.map((name) => [name, { get: throwing, enumerable: true }])),
  );

const revoked = Proxy.revocable({}, {});
revoked.revoke();
const revokedArray = Proxy.revocable([], {});
revokedArray.revoke();
const cyclic: { message: string; cause?: unknown } = { message: 'again' };
cyclic.cause = cyclic;
const everyTrap = Object.fromEntries(
  Object.getOwnPropertyNames(Reflect).map((trap) => [trap, throwing]),
) as ProxyHandler<object>;

const hostile: [string, unknown][] = [
  ['getters that throw', getters('name', 'message', 'code', 'cause', 'errors')],
  [
    'a text that throws when it is made',
    { message: { toString: throwing }, name: { valueOf: throwing, toString: throwing } },
  ],
  ['members without a prototype', { message: Object.create(null), name: Symbol('name'), code: 1n }],
  ['a proxy that throws at everything', new Proxy({}, everyTrap)],
  ['a revoked proxy', revoked.proxy],
  ['a revoked proxy of a list', { errors: revokedArray.proxy, cause: revokedArray.proxy }],
  ['a chain that is a circle', cyclic],
  ['a list of nothing', { errors: [null, undefined, 1] }],
  ['a frozen error', Object.freeze(new Error('frozen'))],
  ...[undefined, null, 1, 'text', Symbol('x'), 1n, () => 1].map((value): [string, unknown] => [
    String(value),
    value,
  ]),
];

describe.each(hostile)('a foreign error: %s', (_name, error) => {
  test('is copied without a throw and without a secret', () => {
    const copy = safeCause(error, [secret]);
    expect(copy === undefined || copy instanceof Error).toBe(true);
    expect(JSON.stringify([copy?.message, copy?.name, copy?.stack])).not.toContain(secret);
  });

  test('may have been sent, and is not an error of tokenkeep', () => {
    expect(mayHaveBeenSent(error)).toBe(true);
    expect(isTokenKeepError(error)).toBe(false);
  });
});

test('a chain of causes keeps its names, messages and codes, five links deep, without secrets', () => {
  const links = Array.from({ length: 9 }, (_, index) =>
    Object.assign(new Error(`link ${index} of ${secret}`), { code: `E_${index}`, name: `Link${index}` }),
  );
  for (const [index, link] of links.entries()) link.cause = links[index + 1];
  const seen: unknown[] = [];
  for (let link = safeCause(links[0], [secret]); link; link = link.cause as Error | undefined) {
    seen.push([link.name, link.message, (link as { code?: string }).code]);
  }
  expect(seen).toEqual(
    [0, 1, 2, 3, 4].map((index) => [`Link${index}`, `link ${index} of [redacted]`, `E_${index}`]),
  );
});

test('nothing that can be thrown makes the copy throw', () => {
  fc.assert(
    fc.property(
      fc.anything({ withNullPrototype: true, withBigInt: true, withSparseArray: true }),
      (thrown) => {
        safeCause(thrown, [secret]);
        safeCause({ message: thrown, name: thrown, code: thrown, cause: thrown, errors: thrown }, [secret]);
        expect(typeof mayHaveBeenSent({ code: thrown, errors: thrown })).toBe('boolean');
      },
    ),
  );
});

/** Errors recorded from the transport of each platform: `code`, `syscall` or `message` of the innermost error. */
const neverLeft: Readonly<Record<string, string>>[] = [
  { code: 'ECONNREFUSED', syscall: 'connect' },
  { code: 'ETIMEDOUT', syscall: 'connect' },
  { code: 'EACCES', syscall: 'connect' },
  { code: 'ENOTFOUND', syscall: 'getaddrinfo' },
  { code: 'ESERVFAIL', syscall: 'queryA' },
  { code: 'EPERM', erroredSysCall: 'connect' },
  { code: 'EAI_FAIL' },
  { code: 'UND_ERR_CONNECT_TIMEOUT' },
  { code: 'UND_ERR_CLOSED' },
  { code: 'UND_ERR_PRX_TLS' },
  { code: 'CERT_UNTRUSTED' },
  { code: 'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY' },
  { code: 'HOSTNAME_MISMATCH' },
  { code: 'ERR_SSL_WRONG_VERSION_NUMBER' },
  { code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' },
  { code: 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE' },
  { code: 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE' },
  { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' },
  { code: 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN' },
  { code: 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE' },
  { code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA' },
  { code: 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME' },
  { message: 'bad port' },
  { message: 'unknown scheme' },
  { message: 'Proxy response (407) !== 200 when HTTP Tunneling', code: 'UND_ERR_ABORTED' },
  {
    message: 'Client network socket disconnected before secure TLS connection was established',
    code: 'ECONNRESET',
  },
  {
    message:
      'error sending request for url (https://as.test/token): client error (Connect): tcp connect error: Connection refused',
  },
  { message: 'Unable to connect. Is the computer able to access the url?', code: 'ConnectionRefused' },
  { message: 'net::ERR_NAME_NOT_RESOLVED' },
  { message: 'net::ERR_CERT_AUTHORITY_INVALID' },
];

const mayHaveLeft: Readonly<Record<string, string>>[] = [
  { code: 'ECONNRESET', syscall: 'read' },
  { code: 'EPIPE', syscall: 'write' },
  { code: 'ETIMEDOUT', syscall: 'read' },
  { code: 'UND_ERR_SOCKET', message: 'other side closed' },
  { code: 'UND_ERR_HEADERS_TIMEOUT' },
  { code: 'UND_ERR_ABORTED', message: 'This operation was aborted' },
  { code: 'UND_ERR_DESTROYED' },
  { code: 'ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC' },
  { code: 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR' },
  { message: 'Failed to fetch' },
  { message: 'NetworkError when attempting to fetch resource.' },
  { message: 'Load failed' },
  { message: 'Network request failed' },
  { message: 'net::ERR_CONNECTION_RESET' },
  { message: 'net::ERR_EMPTY_RESPONSE' },
  { message: 'net::ERR_NETWORK_CHANGED' },
  { message: 'bad port in the middle of a sentence' },
  {
    message: 'error sending request: client error (SendRequest): connection closed before message completed',
  },
];

describe('whether a request may have left', () => {
  const thrown = (inner: object) =>
    new TypeError('fetch failed', { cause: Object.assign(new Error('failed'), inner) });

  test.each(neverLeft)('$code $syscall $message: it did not', (inner) => {
    expect(mayHaveBeenSent(thrown(inner))).toBe(false);
    expect(mayHaveBeenSent(Object.assign(new Error('failed'), inner))).toBe(false);
  });

  test.each(mayHaveLeft)('$code $syscall $message: perhaps', (inner) => {
    expect(mayHaveBeenSent(thrown(inner))).toBe(true);
  });

  test('with several addresses: it did not if no attempt left, else perhaps', () => {
    const attempts = (...errors: object[]) =>
      new TypeError('fetch failed', { cause: new AggregateError(errors, 'several') });
    const refused = { code: 'ECONNREFUSED', syscall: 'connect' };
    expect(mayHaveBeenSent(attempts(refused, { code: 'ETIMEDOUT', syscall: 'connect' }))).toBe(false);
    expect(mayHaveBeenSent(attempts(refused, { code: 'ECONNRESET', syscall: 'read' }))).toBe(true);
    expect(mayHaveBeenSent(attempts())).toBe(true);
  });
});
