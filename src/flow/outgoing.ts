/**
 * A request that is about to leave, in whatever form `fetch` was given it, and the header that it gets.
 *
 * @module
 */
import { encodeFormData } from '../core/multipart.ts';
import { type BodyKind, bodyKind } from '../core/replay.ts';

/** What `fetch` takes first. */
export type Input = string | URL | Request;

/** The URL of a request as text. */
export function addressOf(input: Input): string {
  if (typeof input === 'string') return input;
  return isRequest(input) ? input.url : String(input);
}

/** A `Request` of whatever realm or implementation. */
export function isRequest(input: unknown): input is Request {
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
  const headers =
    init?.headers ?? (typeof input === 'object' && isRequest(input) ? input.headers : undefined);
  if (headers === undefined) return false;
  if (isPlain(headers)) {
    for (const name in headers) if (name.length === 13 && name.toLowerCase() === 'authorization') return true;
    return false;
  }
  return new Headers(headers).has('authorization');
}

/** The `init` of a request with its access token. Neither the caller's `init` nor a `Request` is changed. */
export function authorized(
  input: Input,
  init: RequestInit | undefined,
  authorization: string,
  redirect: RequestRedirect | undefined,
): RequestInit {
  const headers =
    init?.headers ?? (typeof input === 'object' && isRequest(input) ? input.headers : undefined);
  const copy = init === undefined ? {} : copyOf(init);
  copy.headers = withAuthorization(headers, authorization);
  if (redirect !== undefined) copy.redirect = redirect;
  return copy;
}

/** What makes the body of a request go out twice with the same bytes. */
export interface Outgoing {
  readonly input: Input;
  readonly init: RequestInit | undefined;
  readonly kind: BodyKind;
  /** A second copy of a `Request` whose body is used up by sending it. */
  readonly spare: Request | undefined;
}

/** Prepares a request for being sent twice, if it can be. */
export function outgoing(input: Input, init: RequestInit | undefined): Outgoing {
  const body = init?.body;
  if (typeof FormData !== 'undefined' && body instanceof FormData) {
    // `fetch` makes up a new boundary every time it sends a form: encoded here, both times have the same bytes.
    const encoded = encodeFormData(body, `tokenkeep-${crypto.randomUUID()}`);
    return { input, init: { ...copyOf(init ?? {}), body: encoded }, kind: 'repeatable', spare: undefined };
  }
  if (body !== undefined && body !== null) return { input, init, kind: bodyKind(body), spare: undefined };
  if (typeof input === 'object' && isRequest(input) && hasBody(input)) {
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
  return !(typeof FormData !== 'undefined' && body instanceof FormData) && bodyKind(body) === 'repeatable';
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

function withAuthorization(headers: HeadersInit | undefined, authorization: string): HeadersInit {
  if (headers === undefined) return { authorization };
  if (isPlain(headers)) return { ...headers, authorization } as Record<string, string>;
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
  if (isPlain(init)) return { ...(init as RequestInit) };
  const copy: Record<string, unknown> = {};
  for (const name of members) {
    const value = (init as Record<string, unknown>)[name];
    if (value !== undefined) copy[name] = value;
  }
  return copy as RequestInit;
}
