/**
 * tokenkeep's own copy of a request. It reads the arguments of `fetch` once, during the call, and keeps what is needed to send
 * the request a second time with the same method, headers and bytes (law replay-once).
 *
 * @module
 */
import { encodeFormData, isEncodable } from '../core/http/multipart.ts';
import { type BodyKind, bodyKind, isFormData } from '../core/http/request-body.ts';
import { copyHeaders, isHeaderRecord } from '../core/http/request-credentials.ts';
import { isPlainObject } from '../core/own-members.ts';
import { absent, callNative, isInstance } from '../core/platform-class.ts';
import type { HeadersInit } from '../core/platform-types.ts';
import { randomId } from '../platform/web-crypto.ts';
import { cancelBody, discardBody } from '../token-endpoint/send-request.ts';

/** The first argument of `fetch`. */
export type RequestInput = string | URL | Request;

/** A request to a protected resource. Its body is copied before it is sent for the first time, if sending uses it up. */
export class ReplayableRequest {
  readonly input: string | Request;
  /** The URL that was matched to a protected resource. */
  readonly url: string;
  /** Copy of the `init`. Once the request was sent, it includes the headers that were added. */
  readonly init: RequestInit;
  /** `manual` if the caller wants redirects to be followed, and tokenkeep does it in place of the platform. */
  readonly redirect: 'manual' | undefined;
  readonly method: string;
  readonly signal: AbortSignal | null | undefined;
  readonly kind: BodyKind;
  /** `true`: the request was passed to the transport, which owns its body. */
  isSent = false;
  /** The `integrity` that tokenkeep checks the final response against, because it follows the redirects. */
  readonly integrity: string | undefined;
  /** Copy of a `Request`. Sending a `Request` uses up its body of any type, so only a branch of it can be sent again. */
  #clone: Request | undefined = undefined;

  constructor(input: string | Request, url: string, init: RequestInit, redirect: 'manual' | undefined) {
    const given = typeof input === 'object' ? input : undefined;
    const { body, signal = given?.signal } = init;
    this.input = input;
    this.url = url;
    this.init = init;
    this.redirect = redirect;
    this.method = init.method ?? given?.method ?? 'GET';
    this.signal = signal;
    this.integrity = redirect && (init.integrity ?? given?.integrity);
    // The platform would check the redirect response against it.
    if (this.integrity) init.integrity = '';
    if (body !== undefined && body !== null) {
      this.kind = typeof body === 'string' ? 'repeatable' : bodyKind(body);
    } else if (typeof input === 'object' && hasBody(input)) {
      this.kind = 'repeatable';
      if (!input.bodyUsed) this.#clone = input.clone();
    } else {
      this.kind = 'none';
    }
  }

  /**
   * Returns the input for a second send, because the first send has consumed the original. Keeps another copy, which a redirect
   * may need.
   */
  takeClone(): string | Request {
    const clone = this.#clone;
    if (clone === undefined) return this.input;
    this.#clone = clone.clone();
    return clone;
  }

  /** Returns the body again, as a Blob. A server has read it, so it is completely in memory, and a Blob has a length. */
  async cloneBody(): Promise<Blob | undefined> {
    return await this.#clone?.blob();
  }

  /** Cancels the copy, because the request will not be sent again. */
  release(): void {
    if (this.#clone !== undefined) discardBody(this.#clone);
  }

  /** Ends a failed call. If its request was never sent, cancels the source of its body: `fetch` has not taken over the body. */
  cancel(reason: unknown): void {
    if (this.isSent) return;
    const { body } = this.init;
    if (body !== undefined && body !== null) {
      if (this.kind === 'one-shot') cancelBody(body, reason);
    } else if (typeof this.input === 'object' && !this.input.bodyUsed) {
      cancelBody(this.input.body, reason);
    }
    this.release();
  }
}

/** Checks whether `input` is a `Request`, of any realm or implementation. */
export function isRequest(input: unknown): input is Request {
  if (typeof input !== 'object' || input === null) return false;
  const { url, clone, headers } = input as Partial<Request>;
  return typeof url === 'string' && typeof clone === 'function' && typeof headers === 'object';
}

/**
 * Returns the input for the transport: a `Request`, or the URL as text. An object is converted to text only here, so that the
 * URL that is matched is the URL that is sent.
 *
 * @param foreign `true`: the transport may have a `Request` class of its own, which the platform's `fetch` would read as text.
 */
export function readInput(given: RequestInput, foreign: boolean): string | Request {
  if (typeof given !== 'object' || given === null) return String(given);
  const isUrl = 'href' in given; // checked first, because an object of the wrong class costs an exception
  const href = isUrl ? callNative('URL', 'href', given) : undefined;
  if (typeof href === 'string') return href;
  const url = callNative('Request', 'url', given);
  if (typeof url === 'string') return given as Request;
  return (foreign || url === absent) && isRequest(given) ? given : String(given);
}

/** Returns the URL as the platform reads it. An own property of the object cannot change it. */
export function urlOf(input: string | Request): string {
  if (typeof input === 'string') return input;
  const url = callNative('Request', 'url', input);
  return typeof url === 'string' ? url : input.url;
}

/**
 * Returns a copy of the `init`. `fetch` has read everything when it returns. Later changes by the caller to the `init`, its
 * headers, its buffer or its parameters must not change either send.
 */
export function copyInit(input: string | Request, init: RequestInit | undefined | null): RequestInit {
  const own = init === undefined || init === null ? {} : copyMembers(init);
  if (typeof input === 'object') keepReferrer(input, own);
  const headers = own.headers === undefined && typeof input === 'object' ? input.headers : own.headers;
  if (headers !== undefined) own.headers = copyHeaders(headers);
  const { body } = own;
  if (typeof body === 'object' && body !== null) own.body = snapshotBody(body);
  return own;
}

/**
 * Keeps the referrer of a `Request`, which `fetch` discards for an `init` that is not empty. The caller's `init` may replace it.
 */
function keepReferrer({ referrer, referrerPolicy }: Request, own: RequestInit): void {
  if (Object.values(own).some((value) => value !== undefined)) return;
  if (referrer !== undefined && referrer !== 'about:client') own.referrer = referrer;
  if (referrerPolicy) own.referrerPolicy = referrerPolicy;
}

/** Returns a copy of the body that the caller cannot change, if the platform knows the type of the body. */
function snapshotBody(body: NonNullable<BodyInit>): NonNullable<BodyInit> {
  if (isInstance(body, 'URLSearchParams')) return new URLSearchParams(String(body));
  if (ArrayBuffer.isView(body)) {
    const { buffer, byteOffset, byteLength } = body;
    // Shared memory is left to the platform, which rejects it.
    return isInstance(buffer, 'ArrayBuffer') ? new Uint8Array(buffer, byteOffset, byteLength).slice() : body;
  }
  if (isInstance(body, 'ArrayBuffer')) return (body as ArrayBuffer).slice(0);
  // `fetch` chooses a new boundary each time it sends a form. Encoding it here makes both sends identical.
  if (isFormData(body) && isEncodable(body)) {
    return encodeFormData(body, `tokenkeep-${randomId()}`);
  }
  return body;
}

/**
 * Returns the `init` for a request that is passed on unchanged. Headers that can be iterated only once are replaced by our copy.
 *
 * @param own our copy of the `init`.
 */
export function passThroughInit(given: RequestInit | undefined, own: RequestInit): RequestInit | undefined {
  const headers = given?.headers;
  if (headers === undefined || headers === null) return given;
  const isKept = Array.isArray(headers) || isHeaderRecord(headers) || isInstance(headers, 'Headers');
  return isKept ? given : { ...copyMembers(given as RequestInit), headers: own.headers as HeadersInit };
}

/**
 * Members that `fetch` reads from an `init`. The list is needed for a class of the caller with getters, which are not enumerated.
 */
const initMembers = [
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

/** Members of a `Request` that an `init` does not have. */
const requestOnlyMembers: ReadonlySet<string> = new Set(['url', 'bodyUsed']);

/**
 * Copies an `init`, and reads each member once. Includes members that only some platforms define: `cf`, `next`, `dispatcher`,
 * `agent`, …
 */
export function copyMembers(init: RequestInit | Request): RequestInit {
  if (typeof init !== 'object' && typeof init !== 'function') {
    throw new TypeError('Expected init to be one of: Null, Undefined, Object.');
  }
  if (isPlainObject(init)) return { ...(init as RequestInit) };
  const copy: Record<string, unknown> = {};
  const take = (name: string) => {
    const value = (init as unknown as Record<string, unknown>)[name];
    if (value !== undefined && typeof value !== 'function') copy[name] = value;
  };
  for (const name of initMembers) take(name);
  for (const name in init) if (!(name in copy || requestOnlyMembers.has(name))) take(name);
  return copy as RequestInit;
}

/** Checks whether the caller has set an `Authorization` header. Such a request is passed on unchanged. */
export function hasAuthorization({ headers }: RequestInit): boolean {
  if (headers === undefined) return false;
  if (!isHeaderRecord(headers)) return (headers as Headers).has('authorization');
  for (const name in headers) if (name.length === 13 && name.toLowerCase() === 'authorization') return true;
  return false;
}

/**
 * Checks whether a request has a body. Firefox lacks `Request.body`: there, a body is assumed for every method that may have one.
 */
export function hasBody(request: Request): boolean {
  if (request.body !== undefined) return request.body !== null;
  return request.method !== 'GET' && request.method !== 'HEAD';
}
