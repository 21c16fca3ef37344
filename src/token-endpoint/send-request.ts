/**
 * One request and its whole response: sent once, read completely up to a size limit, within a time limit.
 *
 * @module
 */

import { abortable, deadline, type RequiredClock } from '../async/abortable.ts';
import type { Transport } from '../core/contracts.ts';
import { assertResponseOrigin } from '../core/http/redirect.ts';
import type { ProvenTokenRequest } from '../core/oauth/dpop-key.ts';
import type { BuiltRequest } from '../core/oauth/grant.ts';
import type { RawTokenResponse } from '../core/oauth/token-response.ts';

/** Maximum length of a successful response: an unread one loses the successor, and tokens may list all groups or contain a picture. */
const maxSuccessLength = 16 * 1_048_576;

/** The transport and time limit of a request. */
export interface HttpTransport {
  readonly transport: Transport;
  readonly clock: RequiredClock;
  /** Time limit of the request and its response, in ms. */
  readonly timeout: number;
}

/** A response. `nonceError`: the reason why the request was not repeated after its proof was refused. */
export type TokenHttpResponse = RawTokenResponse & { readonly nonceError?: unknown };

/**
 * Sends a request. If the server refuses only its proof, sends it once more with the requested nonce. One deadline covers
 * both.
 *
 * @throws the errors of the transport, and an error if the response is late, or a successful one is too large.
 */
export async function sendRequest(
  request: ProvenTokenRequest,
  http: HttpTransport,
): Promise<TokenHttpResponse> {
  const { transport, clock, timeout } = http;
  const { signal, clear } = deadline(clock, timeout);
  try {
    const first = await sendAndRead(request, transport, signal);
    let another: BuiltRequest | undefined;
    try {
      const make = request.onResponse?.(...first);
      another = make && (await abortable(make(), signal));
    } catch (nonceError) {
      return { ...first[0], nonceError };
    }
    if (another === undefined) return first[0];
    const [last, headers] = await sendAndRead(another, transport, signal);
    try {
      request.onResponse?.(last, headers); // the nonce for the next one
    } catch {}
    return last;
  } finally {
    clear();
  }
}

/**
 * Sends a request with `connection: close`, so that no later request reuses a connection that the server has just closed:
 * its response would be lost.
 * Waiting ends with the signal, whether or not the transport obeys it.
 *
 * @throws RedirectFollowedError for a response from another address.
 */
export async function sendOnce(
  { url, init }: BuiltRequest,
  transport: Transport,
  signal: AbortSignal,
): Promise<Response> {
  const headers = new Headers(init.headers);
  // Browsers do not let scripts set this header, and ignore it here.
  if (!headers.has('connection')) headers.set('connection', 'close');
  // Not a method call: `fetch` must be called without a `this`.
  const response = await abortable(transport(url, { ...init, headers, signal }), signal);
  assertResponseOrigin(url, response, transport);
  return response;
}

async function sendAndRead(
  request: BuiltRequest,
  transport: Transport,
  signal: AbortSignal,
): Promise<readonly [RawTokenResponse, Headers]> {
  const response = await sendOnce(request, transport, signal);
  const header = (name: string) => response.headers.get(name);
  const answer = {
    status: response.type === 'opaqueredirect' ? 0 : response.status,
    contentType: header('content-type'),
    retryAfter: header('retry-after') ?? header('x-retry-after'),
    date: header('date'),
    body: await readBody(response, signal),
  };
  return [answer, response.headers];
}

/** Reads the body. For a refusal the status suffices, even if its body cannot be read. */
async function readBody(response: Response, signal: AbortSignal): Promise<string> {
  try {
    const body = await abortable(readText(response, response.ok ? maxSuccessLength : undefined), signal);
    if (body === tooLarge) throw new Error('The response is larger than 16 MiB.');
    return body;
  } catch (error) {
    if (response.ok) throw error;
    return '';
  }
}

/** The result of {@link readText} for a body above the limit. */
export const tooLarge: unique symbol = Symbol('too large');

/** Reads a body as UTF-8 text of at most 1 MiB. */
export async function readText(
  response: Response,
  limit: number = 1_048_576,
): Promise<string | typeof tooLarge> {
  const { body } = response;
  // A body of node-fetch is a Node stream, and React Native has no streams and no decoder. There the size is checked after reading.
  if (typeof body?.getReader !== 'function' || globalThis.TextDecoder === undefined) {
    const text = await response.text();
    return text.length > limit ? tooLarge : text;
  }
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (let size = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.byteLength;
    if (size > limit) {
      reader.cancel().catch(() => undefined); // the rest is not needed
      return tooLarge;
    }
    text += decoder.decode(value, { stream: true });
  }
}

/** Cancels a body that will not be read, which frees its connection. */
export function discardBody(message: Request | Response): void {
  if (!message.bodyUsed) cancelBody(message.body, undefined);
}

/** Cancels the source of a body. */
export function cancelBody(body: unknown, reason: unknown): void {
  if (typeof body !== 'object' || body === null) return;
  const { cancel, destroy, return: end } = body as Record<'cancel' | 'destroy' | 'return', unknown>;
  const stop = [cancel, destroy, end].find((one) => typeof one === 'function');
  try {
    // `destroy(reason)` would make a Node stream emit an unhandled `error`, so only `cancel` gets the reason.
    const stopped: unknown = stop?.call(body, stop === cancel ? reason : undefined);
    Promise.resolve(stopped).catch(() => undefined);
  } catch {} // the platform cannot cancel this stream
}
