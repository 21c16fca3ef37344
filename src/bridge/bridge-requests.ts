/**
 * Calls of pages that are in progress where the manager lives.
 *
 * @module
 */
import type { ResourceMatcher } from '../core/http/protected-resource.ts';
import { type BridgeError, refusal, toBridgeError } from './bridge-error.ts';
import type { BridgeMessage, BridgeReply, BridgeRequest, BridgeResponse } from './bridge-messages.ts';
import type { PageCalls } from './page-calls.ts';

/** Identifies a calling page. */
export type PageId = number | string;

interface PendingRequest {
  readonly client: PageId;
  readonly controller: AbortController;
  readonly onEnd: () => void;
  upload: WritableStreamDefaultWriter<Uint8Array> | undefined;
  body: ReadableStreamDefaultReader<Uint8Array> | undefined;
}

/** Size limit in bytes. A response body with a `Content-Length` up to this is sent together with the response. */
const inlineBodyLimit = 65_536;

/** Headers that a page may not set, as in any browser, and headers that would carry foreign tokens. */
const forbiddenHeader =
  /^(?:authorization|cookie2?|dpop|host|origin|referer|connection|content-length|expect|keep-alive|te|trailer|transfer-encoding|upgrade|via|proxy-.*|sec-.*)$/i;
/** Response headers that are withheld from pages. */
const hiddenHeader = /^set-cookie2?$/i;

export class BridgeRequests {
  readonly #calls: PageCalls;
  readonly #match: ResourceMatcher;
  readonly #pending: Map<string, PendingRequest> = new Map();

  constructor(calls: PageCalls, match: ResourceMatcher) {
    this.#calls = calls;
    this.#match = match;
  }

  /** Handles a message of a page. @param onEnd is called when no part of a `fetch` is in progress any more. */
  async handle(
    client: PageId,
    message: BridgeMessage,
    onEnd: () => void = () => undefined,
  ): Promise<BridgeReply<unknown>> {
    switch (message.type) {
      case 'fetch':
        return await this.#begin(client, message, onEnd);
      case 'write':
        return await this.#write(client, message.id, message.chunk);
      case 'read':
        return await this.#read(client, message.id);
      case 'cancel':
        this.#end(keyOf(client, message.id));
        return { kind: 'value', value: undefined };
      case 'begin':
        return { kind: 'value', value: undefined };
    }
  }

  /** Cancels the calls of a page whose document is gone. */
  cancelAll(client?: PageId): void {
    for (const [name, pending] of this.#pending) {
      if (client === undefined || pending.client === client) this.#end(name);
    }
  }

  async #begin(
    client: PageId,
    request: BridgeRequest & { readonly id: string },
    onEnd: () => void,
  ): Promise<BridgeReply<BridgeResponse>> {
    const name = keyOf(client, request.id);
    const denied = this.#reasonToRefuse(name, request);
    if (denied !== undefined) {
      onEnd();
      return { kind: 'error', error: denied };
    }
    const controller = new AbortController();
    const pending: PendingRequest = { client, controller, onEnd, upload: undefined, body: undefined };
    this.#pending.set(name, pending);
    try {
      const response = await this.#send(pending, request);
      // A protected resource may redirect anywhere. A page gets the response only if the target was named as well.
      if (response.url !== '' && this.#match(response.url) === undefined) {
        this.#end(name);
        void response.body?.cancel().catch(() => undefined);
        return { kind: 'error', error: notListed() };
      }
      return { kind: 'value', value: await this.#toBridgeResponse(name, pending, response) };
    } catch (error) {
      this.#end(name);
      return { kind: 'error', error: toBridgeError(error) };
    }
  }

  /** Writes a chunk of a request body; `undefined` ends the body. Resolves when there is room for the next one. */
  async #write(client: PageId, id: string, chunk: Uint8Array | undefined): Promise<BridgeReply<undefined>> {
    const upload = this.#pending.get(keyOf(client, id))?.upload;
    if (upload === undefined) return { kind: 'error', error: refusal('There is nothing to write to.') };
    try {
      await (chunk === undefined ? upload.close() : upload.write(chunk));
      return { kind: 'value', value: undefined };
    } catch (error) {
      return { kind: 'error', error: toBridgeError(error) };
    }
  }

  /** Reads the next chunk of a body; `undefined` after the last one. */
  async #read(client: PageId, id: string): Promise<BridgeReply<Uint8Array | undefined>> {
    const name = keyOf(client, id);
    const body = this.#pending.get(name)?.body;
    if (body === undefined) return { kind: 'error', error: refusal('There is nothing to read.') };
    try {
      const { done, value } = await body.read();
      if (done) this.#end(name);
      return { kind: 'value', value };
    } catch (error) {
      this.#end(name);
      return { kind: 'error', error: toBridgeError(error) };
    }
  }

  #reasonToRefuse(name: string, { url }: BridgeRequest): BridgeError | undefined {
    if (this.#match(url) === undefined) return notListed();
    return this.#pending.has(name) ? refusal('A call with this name already exists.') : undefined;
  }

  #send(
    pending: PendingRequest,
    { url, method, headers, body, redirect, requestOptions, login }: BridgeRequest,
  ): Promise<Response> {
    const own = headers.filter(([name]) => !forbiddenHeader.test(name)).map(([name, value]) => [name, value]);
    const { signal } = pending.controller;
    const init = {
      ...requestOptions,
      method,
      headers: own as [string, string][],
      redirect,
      signal,
    } as RequestInit;
    if (body === undefined) return this.#calls.fetch(url, init, login);
    if (body !== 'streamed') return this.#calls.fetch(url, { ...init, body: body as BodyInit }, login);
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    pending.upload = writable.getWriter();
    pending.upload.closed.catch(() => undefined);
    return this.#calls.fetch(url, { ...init, body: readable, duplex: 'half' } as RequestInit, login);
  }

  async #toBridgeResponse(
    name: string,
    pending: PendingRequest,
    response: Response,
  ): Promise<BridgeResponse> {
    const { status, statusText, url, redirected } = response;
    const headers = [...response.headers].filter(([header]) => !hiddenHeader.test(header));
    const head = { status, statusText, headers, url, redirected };
    const length = Number(response.headers.get('content-length') ?? Number.NaN);
    if (response.body === null || (length <= inlineBodyLimit && !response.headers.has('content-encoding'))) {
      const body = response.body === null ? undefined : new Uint8Array(await response.arrayBuffer());
      this.#end(name);
      return { ...head, body };
    }
    pending.body = response.body.getReader();
    return { ...head, body: 'streamed' };
  }

  #end(name: string): void {
    const pending = this.#pending.get(name);
    if (pending === undefined) return;
    this.#pending.delete(name);
    pending.controller.abort();
    void pending.upload?.abort().catch(() => undefined);
    void pending.body?.cancel().catch(() => undefined);
    pending.onEnd();
  }
}

/** Returns a key that contains the page, so that no page reaches the calls of another one. */
function keyOf(client: PageId, id: string): string {
  return `${client} ${id}`;
}

function notListed(): BridgeError {
  return refusal('This URL is not among the protectedResources that pages may call.');
}
