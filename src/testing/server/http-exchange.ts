/**
 * A request and its response inside the test server, the same for `fetch` and HTTP.
 *
 * @module
 */

/** The endpoints of the test server that can be made to fail, to wait, or to be counted. */
export type EndpointName =
  | 'authorization'
  | 'pushed'
  | 'token'
  | 'revocation'
  | 'introspection'
  | 'metadata'
  | 'api';

/** The type of bytes with their own buffer, by a function that returns it: TypeScript before 5.7 has no kinds of `Uint8Array`. */
export type Bytes = ReturnType<InstanceType<typeof TextEncoder>['encode']>;

/** A request that reached the server. */
export interface Exchange {
  readonly method: string;
  /** The requested URL, among the server's own URLs, also if it came over HTTP to a loopback port. */
  readonly url: URL;
  readonly headers: Headers;
  readonly body: Bytes;
  /** The issuer and the origin of the API from this client's point of view. */
  readonly seenAs: { readonly issuer: string; readonly apiOrigin: string };
}

/** The response of the server. A header set to `undefined` is not sent. */
export interface ServerResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/**
 * The fate of a response: it arrives (whole or truncated), the connection ends or never existed, or nothing ever
 * arrives.
 */
export type Delivery =
  | {
      readonly kind: 'response';
      readonly response: ServerResponse;
      readonly truncate?: number;
      readonly stall?: number;
    }
  | { readonly kind: 'dropped' }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'hung' };

/** The work of an endpoint for a request that has arrived and was counted, but not served yet. */
export interface EndpointWork {
  /** Does the work. All changes of the server's tokens happen in one step. */
  respond(): ServerResponse | Promise<ServerResponse>;
  /** Called if the server failed before the work. */
  onFailure?(): void;
  /** Called when the request has ended, with or without a response. */
  onEnd?(status: number | undefined): void;
  /** Short id of the token that the request carries, for `when` and the log. */
  readonly token?: string | undefined;
}

/** Returns a response in JSON that no cache stores. */
export function json(status: number, body: unknown, headers?: ServerResponse['headers']): ServerResponse {
  return {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(body),
  };
}

/** Returns bytes as text; most requests have none. */
export function textOf(bytes: Uint8Array): string {
  return bytes.length === 0 ? '' : new TextDecoder().decode(bytes);
}

/** Returns text as bytes. */
export function bytesOf(text: string): Bytes {
  return new TextEncoder().encode(text);
}

/** Returns bytes as base64, without `Buffer`. */
export function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** Returns bytes as base64url without padding (RFC 7515 §2). */
export function toBase64url(bytes: Uint8Array): string {
  return base64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

export function fromBase64url(text: string): Bytes {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** Returns a name for a body: equal bodies have equal names. Not a cryptographic hash, so that it is fast. */
export function fingerprint(bytes: Uint8Array): string {
  let low = 0x811c9dc5;
  let high = 0x9e3779b9;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] as number;
    low = Math.imul(low ^ byte, 0x01000193);
    high = Math.imul(high ^ (byte + index), 0x85ebca6b);
  }
  return (high >>> 0).toString(16).padStart(8, '0') + (low >>> 0).toString(16).padStart(8, '0');
}
