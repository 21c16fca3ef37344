/**
 * The test server as a `fetch`: with the arguments and the errors of `fetch`.
 *
 * @module
 */

import type { Transport } from '../../core/contracts.ts';
import { bodyKind } from '../../core/http/request-body.ts';
import { isInstance } from '../../core/platform-class.ts';
import type { Delivery, Exchange, ServerResponse } from './http-exchange.ts';
import { type Bytes, bytesOf } from './http-exchange.ts';

type Serve = (exchange: Exchange) => Delivery | Promise<Delivery> | undefined;

/** A request in parts, before it is sent. */
interface OutgoingRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: Bytes;
  readonly redirect: RequestRedirect;
  readonly signal: AbortSignal | null | undefined;
}

const nothing = new Uint8Array(0);
const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']);
const withoutBody: ReadonlySet<number> = new Set([204, 205, 304]);
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Creates a `fetch` of a server. A request to any other place fails like a network error. */
export function createServerFetch(serve: Serve, seenAs: Exchange['seenAs']): Transport {
  return async (input, init) => {
    const outgoing = await parseFetchArguments(input, init);
    outgoing.signal?.throwIfAborted();
    return abortable(send(outgoing, 0), outgoing.signal);
  };

  async function send(outgoing: OutgoingRequest, hops: number): Promise<Response> {
    const { url, signal } = outgoing;
    const delivery = await deliver(outgoing);
    const { status, headers: sent } = delivery.response;
    const location = redirects.has(status) ? sent['location'] : undefined;
    if (location === undefined || outgoing.redirect === 'manual')
      return responseTo(outgoing, delivery, hops > 0);
    if (outgoing.redirect === 'error' || hops === 20) throw networkError();
    signal?.throwIfAborted();
    return send(redirected(outgoing, new URL(location, url), status), hops + 1);
  }

  async function deliver({
    method,
    url,
    headers,
    body,
  }: OutgoingRequest): Promise<Delivery & { kind: 'response' }> {
    const delivery = await serve({ method, url, headers, body, seenAs });
    if (delivery === undefined) throw networkError(unknownOrigin(url, seenAs));
    if (delivery.kind === 'dropped') throw networkError();
    if (delivery.kind === 'unreachable') throw networkError(networkUnreachable(url));
    if (delivery.kind === 'hung') return new Promise<never>(() => {});
    return delivery;
  }
}

/** Reads the request of a call without building a `Request` in the plain cases. */
async function parseFetchArguments(
  input: RequestInfo | URL,
  init: RequestInit | undefined,
): Promise<OutgoingRequest> {
  const isPlain = typeof input === 'string' || isInstance(input, 'URL');
  const body = init?.body;
  const isPlainBody =
    body === undefined || body === null || typeof body === 'string' || isInstance(body, 'URLSearchParams');
  if (!isPlain || !isPlainBody) return parseRequest(new Request(input, withDuplex(init)), init?.signal);
  const method = methodOf(init?.method);
  if ((method === 'GET' || method === 'HEAD') && body)
    throw new TypeError(`A ${method} request cannot have a body.`);
  const headers = new Headers(init?.headers);
  if (body !== undefined && body !== null && !headers.has('content-type')) {
    const isForm = typeof body === 'object';
    headers.set(
      'content-type',
      `${isForm ? 'application/x-www-form-urlencoded' : 'text/plain'};charset=UTF-8`,
    );
  }
  const url = withoutFragment(new URL(input, globalThis.location?.href));
  if (url.username !== '' || url.password !== '') throw new TypeError('The URL includes credentials.');
  const bytes = body ? bytesOf(String(body)) : nothing;
  return { method, url, headers, body: bytes, redirect: init?.redirect ?? 'follow', signal: init?.signal };
}

async function parseRequest(
  request: Request,
  signal: AbortSignal | null | undefined,
): Promise<OutgoingRequest> {
  const { method, headers, redirect } = request;
  const body = request.body === null ? nothing : new Uint8Array(await request.arrayBuffer());
  return {
    method,
    url: withoutFragment(new URL(request.url)),
    headers,
    body,
    redirect,
    signal: signal ?? request.signal,
  };
}

function withoutFragment(url: URL): URL {
  if (url.hash !== '') url.hash = '';
  return url;
}

/** Adds `duplex`, which a stream as a body requires. The types of the DOM lack it. */
function withDuplex(init: RequestInit | undefined): RequestInit | undefined {
  return bodyKind(init?.body) === 'one-shot' ? ({ duplex: 'half', ...init } as RequestInit) : init;
}

function methodOf(method: string | undefined): string {
  if (method === undefined) return 'GET';
  const upper = method.toUpperCase();
  return methods.has(upper) ? upper : method;
}

/** Returns the request of a client that follows a redirect (Fetch Standard, HTTP-redirect fetch). */
function redirected(outgoing: OutgoingRequest, url: URL, status: number): OutgoingRequest {
  const headers = new Headers(outgoing.headers);
  if (url.origin !== outgoing.url.origin) headers.delete('authorization');
  const isPost = outgoing.method === 'POST';
  const becomesGet = status === 303 ? outgoing.method !== 'HEAD' : status < 303 && isPost;
  if (!becomesGet) return { ...outgoing, url, headers };
  headers.delete('content-type');
  return { ...outgoing, method: 'GET', body: nothing, url, headers };
}

function responseTo(
  { method, url, signal }: OutgoingRequest,
  delivery: Delivery & { kind: 'response' },
  isRedirected: boolean,
): Response {
  const { status, headers, body } = delivery.response;
  const isCut = delivery.truncate !== undefined || delivery.stall !== undefined;
  const content = isCut ? cutBody(delivery, signal) : body;
  const hasBody = method !== 'HEAD' && !withoutBody.has(status) && content !== '';
  const response = new Response(hasBody ? content : null, { status, headers: headersOf(headers) });
  if (headers['content-type'] === undefined) response.headers.delete('content-type');
  Object.defineProperty(response, 'url', { value: url.href });
  if (isRedirected) Object.defineProperty(response, 'redirected', { value: true });
  return response;
}

function headersOf(headers: ServerResponse['headers']): [string, string][] {
  const pairs: [string, string][] = [];
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) pairs.push([name, value]);
  return pairs;
}

/** Returns a body that fails, or stalls, after a number of bytes. */
function cutBody(
  { response: answer, truncate, stall }: Delivery & { kind: 'response' },
  signal: AbortSignal | null | undefined,
): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytesOf(answer.body).slice(0, truncate ?? stall));
      signal?.addEventListener('abort', () => controller.error(signal.reason), { once: true });
    },
    pull(controller) {
      if (truncate === undefined) return new Promise<never>(() => {});
      controller.error(new TypeError('terminated'));
      return undefined;
    },
  });
}

/** Settles with the promise, or rejects when the signal aborts first. The server does not notice: it has the request. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function networkError(cause?: Error): TypeError {
  return new TypeError('fetch failed', cause && { cause });
}

/** Returns the error for an origin that the test has not set up. */
function unknownOrigin({ origin }: URL, { issuer, apiOrigin }: Exchange['seenAs']): Error {
  return new Error(`The test server is at ${issuer}, its API at ${apiOrigin}, and nothing is at ${origin}.`);
}

/** Returns Node's error for a request that was not sent. */
function networkUnreachable({ hostname }: URL): Error {
  return Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' });
}
