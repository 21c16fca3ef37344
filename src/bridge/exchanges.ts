/**
 * Calls of pages that are under way where the manager lives.
 *
 * @module
 */
import type { ResourceMatcher } from '../core/protected-resource.ts';
import { type BridgeError, refusal, toBridgeError } from './bridge-error.ts';
import type { PageCalls } from './page-calls.ts';
import type { BridgeMessage, BridgeReply, BridgeRequest, BridgeResponse } from './wire.ts';

/** Names a page among those that call. */
export type Client = number | string;

interface Exchange {
  readonly client: Client;
  readonly controller: AbortController;
  readonly over: () => void;
  upload: WritableStreamDefaultWriter<Uint8Array> | undefined;
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
  readonly #calls: PageCalls;
  readonly #match: ResourceMatcher;
  readonly #open: Map<string, Exchange> = new Map();

  constructor(calls: PageCalls, match: ResourceMatcher) {
    this.#calls = calls;
    this.#match = match;
  }

  /** Does what a page asks for. @param over is called when nothing of a `fetch` is under way any more. */
  async handle(
    client: Client,
    message: BridgeMessage,
    over: () => void = () => undefined,
  ): Promise<BridgeReply<unknown>> {
    switch (message.type) {
      case 'fetch':
        return await this.#begin(client, message, over);
      case 'write':
        return await this.#write(client, message.id, message.piece);
      case 'read':
        return await this.#read(client, message.id);
      case 'cancel':
        this.#end(nameOf(client, message.id));
        return { value: undefined };
      case 'begin':
        return { value: undefined };
    }
  }

  /** The document of a page is gone, and its calls with it. */
  cancelAll(client?: Client): void {
    for (const [name, exchange] of this.#open) {
      if (client === undefined || exchange.client === client) this.#end(name);
    }
  }

  async #begin(
    client: Client,
    request: BridgeRequest & { readonly id: string },
    over: () => void,
  ): Promise<BridgeReply<BridgeResponse>> {
    const name = nameOf(client, request.id);
    const denied = this.#denial(name, request);
    if (denied !== undefined) {
      over();
      return { error: denied };
    }
    const controller = new AbortController();
    const exchange: Exchange = { client, controller, over, upload: undefined, body: undefined };
    this.#open.set(name, exchange);
    try {
      const response = await this.#send(exchange, request);
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

  /** Takes a piece of a request body; `undefined` after the last one. Resolves when there is room for the next one. */
  async #write(client: Client, id: string, piece: Uint8Array | undefined): Promise<BridgeReply<undefined>> {
    const upload = this.#open.get(nameOf(client, id))?.upload;
    if (upload === undefined) return { error: refusal('There is nothing to write to.') };
    try {
      await (piece === undefined ? upload.close() : upload.write(piece));
      return { value: undefined };
    } catch (error) {
      return { error: toBridgeError(error) };
    }
  }

  /** The next piece of a body; `undefined` after the last one. */
  async #read(client: Client, id: string): Promise<BridgeReply<Uint8Array | undefined>> {
    const name = nameOf(client, id);
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

  #denial(name: string, { url }: BridgeRequest): BridgeError | undefined {
    if (this.#match(url) === undefined) return notListed();
    return this.#open.has(name) ? refusal('There is a call of this name already.') : undefined;
  }

  #send(
    exchange: Exchange,
    { url, method, headers, body, redirect, manner, login }: BridgeRequest,
  ): Promise<Response> {
    const own = headers.filter(([name]) => !forbiddenHeader.test(name)).map(([name, value]) => [name, value]);
    const { signal } = exchange.controller;
    const init = { ...manner, method, headers: own as [string, string][], redirect, signal } as RequestInit;
    if (body === undefined) return this.#calls.fetch(url, init, login);
    if (body !== 'later') return this.#calls.fetch(url, { ...init, body: body as BodyInit }, login);
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    exchange.upload = writable.getWriter();
    exchange.upload.closed.catch(() => undefined);
    return this.#calls.fetch(url, { ...init, body: readable, duplex: 'half' } as RequestInit, login);
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
    if (exchange === undefined) return;
    this.#open.delete(name);
    exchange.controller.abort();
    void exchange.upload?.abort().catch(() => undefined);
    void exchange.body?.cancel().catch(() => undefined);
    exchange.over();
  }
}

/** Of one page's calls another one's are never found. */
function nameOf(client: Client, id: string): string {
  return `${client} ${id}`;
}

function notListed(): BridgeError {
  return refusal('This URL is not among the protectedResources that pages may call.');
}
