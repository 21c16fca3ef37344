/**
 * A page's `fetch` through a bridge.
 *
 * @module
 */

import { abortReason, throwIfAborted } from '../async/abortable.ts';
import { randomId } from '../platform/web-crypto.ts';
import {
  type BridgeMessage,
  type BridgeReply,
  type BridgeRequest,
  type BridgeResponse,
  type TokenManagerBridge,
  valueOfReply,
} from './bridge-messages.ts';

/** Sends a request to the manager's side. @param upload the body, if it is `'streamed'`. */
export async function fetchOverBridge(
  bridge: Pick<TokenManagerBridge, 'call'>,
  request: BridgeRequest,
  signal: AbortSignal,
  upload?: ReadableStream<Uint8Array>,
): Promise<Response> {
  throwIfAborted(signal);
  const id = randomId();
  const call = new BridgedCall(bridge, id, signal);
  const responded = call.request<BridgeResponse>({ type: 'fetch', id, ...request });
  if (upload !== undefined) void call.upload(upload, responded);
  const response = await responded;
  const stream = response.body === 'streamed' ? call.responseBody() : response.body;
  if (response.body !== 'streamed') call.end();
  return responseOf(response, stream);
}

function responseOf(head: BridgeResponse, body: ReadableStream | Uint8Array | undefined): Response {
  const { status, statusText, url, redirected } = head;
  const headers = head.headers as [string, string][];
  // A browser responds to `redirect: 'manual'` with the status 0, which no constructor accepts.
  const isOpaque = status === 0;
  const response = isOpaque
    ? Response.error()
    : new Response((body ?? null) as BodyInit | null, { status, statusText, headers });
  const members = { url, redirected, ...(isOpaque && { type: 'opaqueredirect' }) };
  for (const [name, value] of Object.entries(members)) Object.defineProperty(response, name, { value });
  return response;
}

/** A call in progress, and its signal. */
class BridgedCall {
  readonly #bridge: Pick<TokenManagerBridge, 'call'>;
  readonly #id: string;
  readonly #signal: AbortSignal;
  readonly #aborted: Promise<never>;
  readonly #abort: () => void;

  constructor(bridge: Pick<TokenManagerBridge, 'call'>, id: string, signal: AbortSignal) {
    this.#bridge = bridge;
    this.#id = id;
    this.#signal = signal;
    let abort = (): void => undefined;
    this.#aborted = new Promise<never>((_, reject) => {
      abort = () => {
        reject(abortReason(signal));
        this.cancel();
      };
    });
    this.#aborted.catch(() => undefined);
    this.#abort = abort;
    signal.addEventListener('abort', abort, { once: true });
  }

  /** @throws the error of the manager; the reason of the signal. */
  async request<T>(message: BridgeMessage): Promise<T> {
    try {
      const reply = await Promise.race([this.#bridge.call(message), this.#aborted]);
      return valueOfReply(reply as BridgeReply<T>);
    } catch (error) {
      this.end();
      throw error;
    }
  }

  /** Sends a request body as it is read, until the response has failed. The response reports the failure. */
  async upload(body: ReadableStream<Uint8Array>, responded: Promise<unknown>): Promise<void> {
    const reader = body.getReader();
    const stop = (reason: unknown): void => void reader.cancel(reason).catch(() => undefined);
    responded.catch(stop);
    try {
      for (let isDone = false; !isDone; ) {
        const { done, value } = await reader.read();
        isDone = done;
        // A copy: transferring the original would take it from the caller.
        const chunk = value && Uint8Array.from(value);
        const reply = await this.#bridge.call({ type: 'write', id: this.#id, chunk });
        if ((reply as BridgeReply<unknown>).kind === 'error') return stop(undefined);
      }
    } catch (error) {
      this.cancel();
      stop(error);
    }
  }

  responseBody(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const chunk = await this.request<Uint8Array | undefined>({ type: 'read', id: this.#id });
          if (chunk !== undefined) return controller.enqueue(chunk);
          this.end();
          controller.close();
        },
        cancel: () => {
          this.end();
          this.cancel();
        },
      },
      // A body that the page does not read stays where it is.
      { highWaterMark: 0 },
    );
  }

  cancel(): void {
    this.#bridge.call({ type: 'cancel', id: this.#id }).catch(() => undefined);
  }

  /** Stops listening to the signal. */
  end(): void {
    this.#signal.removeEventListener('abort', this.#abort);
  }
}
