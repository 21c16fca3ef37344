/**
 * The page's end of the bridge: a `fetch` and events.
 *
 * @module
 */
import type { Transport } from '../core/contracts.ts';
import type { AnyTokenEvent, TokenEventType, TokenListener } from '../core/events.ts';
import {
  type BridgeError,
  type BridgeMessage,
  type BridgeResponse,
  fromBridgeError,
  fromBridgeEvent,
  type TokenManagerBridge,
} from './wire.ts';

/** The token manager of the main process, as a page sees it. */
export interface ConnectedTokenManager {
  /**
   * Does what `fetch` does, in the main process and with an access token, for the resources that pages may call. A body is
   * read whole before it is sent. Cookies, cache and referrer are not those of the page.
   *
   * @throws the errors of `TokenManager.fetch`; a `DOMException` named `NotAllowedError` for what pages may not do.
   */
  readonly fetch: Transport;
  /** Subscribes to what happens. Returns how to stop. */
  on<Type extends TokenEventType>(type: Type, listener: TokenListener<Type>): () => void;
}

/**
 * Connects a page of an Electron application to the token manager in the main process.
 *
 * @param bridge what {@link exposeTokenManager} has put into the page.
 * @example
 * ```ts
 * import { connectTokenManager, type TokenManagerBridge } from 'tokenkeep/electron';
 *
 * declare const tokenkeep: TokenManagerBridge;
 *
 * async function orders(): Promise<unknown> {
 *   const manager = connectTokenManager(tokenkeep);
 *   manager.on('sessionEnded', ({ error }) => console.log(`Please sign in again: ${error.reason}`));
 *   return (await manager.fetch('https://api.example.com/orders')).json();
 * }
 * ```
 */
export function connectTokenManager(bridge: TokenManagerBridge): ConnectedTokenManager {
  return {
    fetch: (input, init) => fetchThrough(bridge, new Request(input, init)),
    on(type, listener) {
      return bridge.listen((message) => {
        const event: AnyTokenEvent = fromBridgeEvent(message);
        if (event.type === type) (listener as (event: AnyTokenEvent) => unknown)(event);
      });
    },
  };
}

async function fetchThrough(bridge: TokenManagerBridge, request: Request): Promise<Response> {
  const { url, method, redirect, signal } = request;
  const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer());
  signal.throwIfAborted();
  const headers = [...request.headers];
  const id = crypto.randomUUID();
  const call = new Call(bridge, id, signal);
  const answer = await call.ask<BridgeResponse>({ type: 'fetch', id, url, method, headers, body, redirect });
  const { status, statusText } = answer;
  const stream = answer.body === 'later' ? call.stream() : answer.body;
  if (answer.body !== 'later') call.end();
  const response = new Response((stream ?? null) as BodyInit | null, {
    status,
    statusText,
    headers: answer.headers as [string, string][],
  });
  for (const name of ['url', 'redirected'] as const) {
    Object.defineProperty(response, name, { value: answer[name] });
  }
  return response;
}

/** One call that is under way, and its signal. */
class Call {
  readonly #bridge: TokenManagerBridge;
  readonly #id: string;
  readonly #signal: AbortSignal;
  readonly #aborted: Promise<never>;
  readonly #abort: () => void;

  constructor(bridge: TokenManagerBridge, id: string, signal: AbortSignal) {
    this.#bridge = bridge;
    this.#id = id;
    this.#signal = signal;
    let abort = (): void => undefined;
    this.#aborted = new Promise<never>((_, reject) => {
      abort = () => {
        reject(signal.reason);
        this.cancel();
      };
    });
    this.#aborted.catch(() => undefined);
    this.#abort = abort;
    signal.addEventListener('abort', abort, { once: true });
  }

  /** @throws the error of the main process; the reason of the signal. */
  async ask<T>(message: BridgeMessage): Promise<T> {
    try {
      const reply = await Promise.race([this.#send(message), this.#aborted]);
      const { value, error } = reply as { readonly value: T; readonly error?: BridgeError };
      if (error !== undefined) throw fromBridgeError(error);
      return value;
    } catch (error) {
      this.end();
      throw error;
    }
  }

  stream(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const piece = await this.ask<Uint8Array | undefined>({ type: 'read', id: this.#id });
          if (piece !== undefined) return controller.enqueue(piece);
          this.end();
          controller.close();
        },
        cancel: () => {
          this.end();
          this.cancel();
        },
      },
      // What the page does not read stays where it is.
      { highWaterMark: 0 },
    );
  }

  cancel(): void {
    this.#send({ type: 'cancel', id: this.#id }).catch(() => undefined);
  }

  /** Stops listening to the signal. */
  end(): void {
    this.#signal.removeEventListener('abort', this.#abort);
  }

  async #send(message: BridgeMessage): Promise<unknown> {
    try {
      return await this.#bridge.call(message);
    } catch (cause) {
      throw new TypeError('The main process does not serve a token manager here.', { cause });
    }
  }
}
