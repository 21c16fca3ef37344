/**
 * Calls of pages that are under way in the main process.
 *
 * @module
 */
import type { Transport } from '../core/contracts.ts';
import type { ResourceMatcher } from '../core/protected-resource.ts';
import {
  type BridgeError,
  type BridgeReply,
  type BridgeRequest,
  type BridgeResponse,
  refusal,
  toBridgeError,
} from './wire.ts';

interface Exchange {
  readonly frame: number;
  readonly controller: AbortController;
  body: ReadableStreamDefaultReader<Uint8Array> | undefined;
}

/** Bodies that say that they are no larger than this arrive with the answer. */
const small = 65_536;

/** What a page may not set, as in any browser, and what would not be its own: tokens. */
const forbiddenHeader =
  /^(?:authorization|cookie2?|dpop|host|origin|referer|connection|content-length|expect|keep-alive|te|trailer|transfer-encoding|upgrade|via|proxy-.*|sec-.*)$/i;
/** What no page sees. */
const hiddenHeader = /^set-cookie2?$/i;

export class Exchanges {
  readonly #fetch: Transport;
  readonly #match: ResourceMatcher;
  readonly #open: Map<string, Exchange> = new Map();

  constructor(fetch: Transport, match: ResourceMatcher) {
    this.#fetch = fetch;
    this.#match = match;
  }

  /** Sends the request of a page. */
  async fetch(frame: number, id: string, request: BridgeRequest): Promise<BridgeReply<BridgeResponse>> {
    if (this.#match(request.url) === undefined) return { error: notListed() };
    const name = nameOf(frame, id);
    if (this.#open.has(name)) return { error: refusal('There is a call of this name already.') };
    const exchange: Exchange = { frame, controller: new AbortController(), body: undefined };
    this.#open.set(name, exchange);
    try {
      const response = await this.#send(request, exchange.controller.signal);
      // A protected resource may redirect to anywhere. What is there is for pages only if that was named as well.
      if (response.url !== '' && this.#match(response.url) === undefined) {
        this.#end(name);
        void response.body?.cancel().catch(() => undefined);
        return { error: notListed() };
      }
      return { value: await this.#answer(name, exchange, response) };
    } catch (error) {
      this.#end(name);
      return { error: toBridgeError(error) };
    }
  }

  /** The next piece of a body; `undefined` after the last one. */
  async read(frame: number, id: string): Promise<BridgeReply<Uint8Array | undefined>> {
    const name = nameOf(frame, id);
    const body = this.#open.get(name)?.body;
    if (body === undefined) return { error: refusal('There is nothing to read.') };
    try {
      const { done, value } = await body.read();
      if (done) this.#end(name);
      return { value };
    } catch (error) {
      this.#end(name);
      return { error: toBridgeError(error) };
    }
  }

  cancel(frame: number, id: string): void {
    this.#end(nameOf(frame, id));
  }

  /** The document of a frame is gone, and its calls with it. */
  cancelAll(frame?: number): void {
    for (const [name, exchange] of this.#open) {
      if (frame === undefined || exchange.frame === frame) this.#end(name);
    }
  }

  #send({ url, method, headers, body, redirect }: BridgeRequest, signal: AbortSignal): Promise<Response> {
    const own = headers.filter(([name]) => !forbiddenHeader.test(name)).map(([name, value]) => [name, value]);
    const init = { method, headers: own as [string, string][], redirect, signal };
    return this.#fetch(url, body === undefined ? init : { ...init, body: body as Uint8Array<ArrayBuffer> });
  }

  async #answer(name: string, exchange: Exchange, response: Response): Promise<BridgeResponse> {
    const { status, statusText, url, redirected } = response;
    const headers = [...response.headers].filter(([header]) => !hiddenHeader.test(header));
    const answer = { status, statusText, headers, url, redirected };
    const length = Number(response.headers.get('content-length') ?? Number.NaN);
    if (response.body === null || (length <= small && !response.headers.has('content-encoding'))) {
      const body = response.body === null ? undefined : new Uint8Array(await response.arrayBuffer());
      this.#end(name);
      return { ...answer, body };
    }
    exchange.body = response.body.getReader();
    return { ...answer, body: 'later' };
  }

  #end(name: string): void {
    const exchange = this.#open.get(name);
    this.#open.delete(name);
    exchange?.controller.abort();
    void exchange?.body?.cancel().catch(() => undefined);
  }
}

/** Of one page's calls another one's are never found. */
function nameOf(frame: number, id: string): string {
  return `${frame} ${id}`;
}

function notListed(): BridgeError {
  return refusal('This URL is not among the protectedResources that pages may call.');
}
