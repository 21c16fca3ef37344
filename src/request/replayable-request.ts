/**
 * A request on its way to a protected resource, which can go out a second time alike.
 *
 * @module
 */

import { type BodyKind, bodyKind } from '../core/http/request-body.ts';
import { copyHeaders, isHeaderRecord } from '../core/http/request-credentials.ts';

/** Tells whether the caller has set an `Authorization` header. It is left alone. */
export function hasAuthorization({ headers }: RequestInit): boolean {
  if (headers === undefined) return false;
  if (!isHeaderRecord(headers)) return (headers as Headers).has('authorization');
  for (const name in headers) if (name.length === 13 && name.toLowerCase() === 'authorization') return true;
  return false;
}

/** A copy to authorise anew: the transport may still hold what was sent before. */
export function cloneInit(init: RequestInit): RequestInit {
  const { headers } = init;
  return headers === undefined ? { ...init } : { ...init, headers: copyHeaders(headers) };
}

/** Cancels a body that will not be read, which frees its connection. */
export function discardBody(message: Request | Response): void {
  if (!message.bodyUsed) cancelSource(message.body, undefined);
}

/** Cancels the source of a body. */
function cancelSource(body: unknown, reason: unknown): void {
  if (typeof body !== 'object' || body === null) return;
  const { cancel, destroy, return: end } = body as Record<'cancel' | 'destroy' | 'return', unknown>;
  const stop = [cancel, destroy, end].find((one) => typeof one === 'function');
  try {
    // `destroy(reason)` would make a Node stream emit an unhandled `error`, so only `cancel` gets the reason.
    const stopped: unknown = stop?.call(body, stop === cancel ? reason : undefined);
    Promise.resolve(stopped).catch(() => undefined);
  } catch {} // the platform cannot cancel this stream
}

/** Its body is copied before it is sent for the first time, if sending uses it up. */
export class ReplayableRequest {
  readonly input: string | Request;
  /** The URL that was matched to a protected resource. */
  readonly url: string;
  /** Our own copy. Once the request was sent, it includes the headers that were added. */
  readonly init: RequestInit;
  readonly kind: BodyKind;
  /** `true`: the transport has it, and its body is the transport's. */
  isSent = false;
  /** The `integrity` that tokenkeep checks the final response against, if the platform does not check it. */
  integrity: string | undefined = undefined;
  /** Sending a Request uses its body up, whatever it was made of: only a branch of it can be sent again. */
  #clone: Request | undefined = undefined;

  constructor(input: string | Request, url: string, init: RequestInit) {
    this.input = input;
    this.url = url;
    this.init = init;
    const { body } = init;
    if (body !== undefined && body !== null) {
      this.kind = bodyKind(body);
    } else if (typeof input === 'object' && hasBody(input)) {
      this.kind = 'repeatable';
      if (!input.bodyUsed) this.#clone = input.clone();
    } else {
      this.kind = 'none';
    }
  }

  get method(): string {
    return this.init.method ?? (typeof this.input === 'object' ? this.input.method : 'GET');
  }

  get signal(): AbortSignal | null | undefined {
    const { signal } = this.init;
    return signal !== undefined || typeof this.input === 'string' ? signal : this.input.signal;
  }

  /** Returns the input to send again, because sending has consumed the first one. Keeps another copy, which a redirect may need. */
  takeClone(): string | Request {
    const clone = this.#clone;
    if (clone === undefined) return this.input;
    this.#clone = clone.clone();
    return clone;
  }

  /** Returns the body again, as a Blob. A server has read it, so all of it is in memory, and a Blob has a length. */
  async cloneBody(): Promise<Blob | undefined> {
    return await this.#clone?.blob();
  }

  /** Nothing will be sent again. */
  release(): void {
    if (this.#clone !== undefined) discardBody(this.#clone);
  }

  /** Ends a failed call. If its request was never sent, cancels the source of its body: `fetch` has not taken over the body. */
  cancel(reason: unknown): void {
    if (this.isSent) return;
    const { body } = this.init;
    if (body !== undefined && body !== null) {
      if (this.kind === 'one-shot') cancelSource(body, reason);
    } else if (typeof this.input === 'object' && !this.input.bodyUsed) {
      cancelSource(this.input.body, reason);
    }
    this.release();
  }
}

/** Firefox has no `Request.body`: there, every method that may have a body is taken to have one. */
export function hasBody(request: Request): boolean {
  if (request.body !== undefined) return request.body !== null;
  return request.method !== 'GET' && request.method !== 'HEAD';
}
