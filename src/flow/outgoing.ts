/**
 * A request that is about to leave, in whatever form `fetch` was given it, and the header that it gets.
 *
 * @module
 */

import { encodeFormData } from '../core/multipart.ts';
import type { RequestRedirect } from '../core/platform-types.ts';
import { type BodyKind, bodyKind, isFormData } from '../core/replay.ts';
import { randomId } from '../platform/web-crypto.ts';

/** What `fetch` takes first. */
export type Input = string | URL | Request;

/** The URL of a request as text. */
export function addressOf(input: Input): string {
  if (typeof input === 'string') return input;
  return isRequest(input) ? input.url : String(input);
}

/** A `Request` of whatever realm or implementation. */
export function isRequest(input: unknown): input is Request {
  if (typeof input !== 'object' || input === null) return false;
  const { url, clone, headers } = input as Partial<Request>;
  return typeof url === 'string' && typeof clone === 'function' && typeof headers === 'object';
}

export function methodOf(input: Input, init: RequestInit | undefined): string {
  return init?.method ?? (isRequest(input) ? input.method : 'GET');
}

export function signalOf(input: Input, init: RequestInit | undefined): AbortSignal | null | undefined {
  return init?.signal !== undefined ? init.signal : isRequest(input) ? input.signal : undefined;
}

/** Tells whether the caller has set an `Authorization` header. It is left alone. */
export function hasAuthorization(input: Input, init: RequestInit | undefined): boolean {
  const headers = headersOf(input, init);
  if (headers === undefined) return false;
  if (isRecord(headers)) {
    for (const name in headers) if (name.length === 13 && name.toLowerCase() === 'authorization') return true;
    return false;
  }
  return (headers instanceof Headers ? headers : new Headers(headers)).has('authorization');
}

function headersOf(input: Input, init: RequestInit | undefined): HeadersInit | undefined {
  return init?.headers ?? (typeof input === 'object' && isRequest(input) ? input.headers : undefined);
}

/** The `init` of a request with its access token. Neither the caller's `init` nor a `Request` is changed. */
export function authorized(
  input: Input,
  init: RequestInit | undefined,
  authorization: string,
  redirect: RequestRedirect | undefined,
): RequestInit {
  const headers = headersOf(input, init);
  const copy = init === undefined || init === null ? {} : copyOf(init);
  copy.headers = withAuthorization(headers, authorization);
  if (redirect !== undefined) copy.redirect = redirect;
  return copy;
}

/** The same where the token is in a cookie: other headers show that the request comes from the application. */
export function withCookies(
  input: Input,
  init: RequestInit | undefined,
  entry: Readonly<Record<string, string>>,
  redirect: RequestRedirect | undefined,
): RequestInit {
  const headers = new Headers(headersOf(input, init));
  for (const [name, value] of Object.entries(entry)) headers.set(name, value);
  return { ...copyOf(init ?? {}), headers, credentials: 'include', ...(redirect && { redirect }) };
}

/** Sets the proof of possession, whatever the caller has set there, and in whatever case. */
export function withProof(made: RequestInit, proof: string): RequestInit {
  const headers = new Headers(made.headers);
  headers.set('dpop', proof);
  return { ...made, headers };
}

/** What makes the body of a request go out twice with the same bytes. */
export interface Outgoing {
  readonly input: string | Request;
  readonly init: RequestInit | undefined;
  readonly kind: BodyKind;
  /** A second copy of a `Request` whose body is used up by sending it. Taken with {@link spareOf}. */
  spare: Request | undefined;
}

/** What to send the next time, now that what was sent is used up. Leaves another copy: a redirect may want the body too. */
export function spareOf(call: Outgoing): string | Request {
  const { spare, input } = call;
  if (spare === undefined) return input;
  call.spare = spare.clone();
  return spare;
}

/** Lets go of a body that nobody will read, and of its connection. */
export function discardBody(message: Request | Response): void {
  if (message.body !== null && !message.bodyUsed) message.body?.cancel().catch(() => undefined);
}

/**
 * Prepares a request for being sent twice, if it can be.
 *
 * @param url where `input` leads. It is sent there even if `input` is a `URL` that somebody changes meanwhile.
 */
export function outgoing(given: Input, url: string, init: RequestInit | undefined): Outgoing {
  const input = isRequest(given) ? given : url;
  const body = init?.body;
  if (isFormData(body)) {
    // `fetch` makes up a new boundary every time it sends a form: encoded here, both times have the same bytes.
    const encoded = encodeFormData(body, `tokenkeep-${randomId()}`);
    return { input, init: { ...copyOf(init ?? {}), body: encoded }, kind: 'repeatable', spare: undefined };
  }
  if (body !== undefined && body !== null) return { input, init, kind: bodyKind(body), spare: undefined };
  if (typeof input === 'object' && hasBody(input)) {
    // Sending a Request uses its body up, whatever it was made of: only a branch of it can be sent again.
    return { input, init, kind: 'repeatable', spare: input.bodyUsed ? undefined : input.clone() };
  }
  return { input, init, kind: 'none', spare: undefined };
}

/** Tells whether sending a request twice takes nothing but sending it twice. */
export function isPlainlyRepeatable(input: Input, init: RequestInit | undefined): boolean {
  const body = init?.body;
  if (typeof body === 'string') return true;
  if (body === undefined || body === null)
    return typeof input === 'string' || !isRequest(input) || !hasBody(input);
  return !isFormData(body) && bodyKind(body) === 'repeatable';
}

/**
 * An `init` for a request that has to wait. `fetch` has read everything when it returns, so what the caller does to the
 * `init`, its headers, its buffer or its parameters after that must not change what is sent.
 */
export function snapshot(init: RequestInit | undefined): RequestInit | undefined {
  if (init === undefined || init === null) return undefined;
  const copy = copyOf(init);
  const { headers, body } = copy;
  if (headers !== undefined) copy.headers = isRecord(headers) ? { ...headers } : new Headers(headers);
  if (body instanceof URLSearchParams) copy.body = new URLSearchParams(body);
  else if (body instanceof ArrayBuffer) copy.body = body.slice(0);
  else if (ArrayBuffer.isView(body)) {
    copy.body = new Uint8Array(body.buffer as ArrayBuffer, body.byteOffset, body.byteLength).slice();
  }
  return copy;
}

/** Firefox has no `Request.body`: there, every method that may have a body is taken to have one. */
function hasBody(request: Request): boolean {
  if (request.body !== undefined) return request.body !== null;
  return request.method !== 'GET' && request.method !== 'HEAD';
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Headers as names and values; whatever can be iterated is a list of pairs to `fetch`. */
function isRecord(headers: object): headers is Record<string, string> {
  return isPlain(headers) && !(Symbol.iterator in headers);
}

function withAuthorization(headers: HeadersInit | undefined, authorization: string): HeadersInit {
  if (headers === undefined) return { authorization };
  if (isRecord(headers)) return { ...headers, authorization };
  const copy = new Headers(headers);
  copy.set('authorization', authorization);
  return copy;
}

/** Names of what `fetch` reads from an `init`, for one that has them as getters: a `Request`, or a class of the caller's. */
const members = [
  'method',
  'headers',
  'body',
  'mode',
  'credentials',
  'cache',
  'redirect',
  'referrer',
  'referrerPolicy',
  'integrity',
  'keepalive',
  'signal',
  'duplex',
  'priority',
  'window',
  'dispatcher',
] as const;

function copyOf(init: RequestInit): RequestInit {
  if (typeof init !== 'object' && typeof init !== 'function') {
    throw new TypeError('Expected init to be one of: Null, Undefined, Object.');
  }
  if (isPlain(init)) return { ...(init as RequestInit) };
  const copy: Record<string, unknown> = {};
  for (const name of members) {
    const value = (init as Record<string, unknown>)[name];
    if (value !== undefined) copy[name] = value;
  }
  return copy as RequestInit;
}
