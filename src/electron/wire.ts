/**
 * What crosses from a page to the main process and back: plain data only, and never a token.
 *
 * @module
 */
import {
  ConfigurationError,
  isTokenKeepError,
  LockTimeoutError,
  LoginRequiredError,
  RefreshFailedError,
  StorageError,
} from '../core/errors.ts';
import type { AnyTokenEvent } from '../core/events.ts';

/** What {@link exposeTokenManager} puts into a page. Only functions and plain data can be there. */
export interface TokenManagerBridge {
  /** Sends a message to the main process, which judges it. */
  call(message: BridgeMessage): Promise<unknown>;
  /** Listens to events. Returns how to stop. */
  listen(listener: (event: unknown) => void): () => void;
}

/** What a page asks for. */
export type BridgeMessage =
  | { readonly type: 'begin' }
  | ({ readonly type: 'fetch'; readonly id: string } & BridgeRequest)
  | { readonly type: 'read'; readonly id: string }
  | { readonly type: 'cancel'; readonly id: string };

export interface BridgeRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array | undefined;
  readonly redirect: RequestRedirect;
}

/** How the main process answers: a call never rejects for a reason of ours, because Electron would rewrite the error. */
export type BridgeReply<T> = { readonly value: T } | { readonly error: BridgeError };

export interface BridgeResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly url: string;
  readonly redirected: boolean;
  /** The whole body; `'later'`: to be read piece by piece. */
  readonly body: Uint8Array | 'later' | undefined;
}

/** An error as plain data: the class by its code, and members that hold no secret. */
export interface BridgeError {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

/** The page may not, or not that. */
export const refused = 'REFUSED';

export function refusal(message: string): BridgeError {
  return { code: refused, message, details: {} };
}

/** An error, without anything but what our own classes say. Of foreign errors only the kind is told. */
export function toBridgeError(error: unknown): BridgeError {
  if (!isTokenKeepError(error)) {
    return { code: 'NETWORK', message: 'fetch failed', details: {} };
  }
  const details = Object.fromEntries(
    ['reason', 'error', 'sent', 'retryAfter', 'status', 'operation', 'conflict'].flatMap((name) => {
      const value = (error as unknown as Record<string, unknown>)[name];
      return isPlain(value) ? [[name, value]] : [];
    }),
  );
  return { code: error.code, message: error.message, details };
}

/** The error in the page, of the class that it has in the main process. */
export function fromBridgeError({ code, message, details }: BridgeError): Error {
  switch (code) {
    case 'ERR_LOGIN_REQUIRED':
      return new LoginRequiredError(message, details as never);
    case 'ERR_REFRESH_FAILED':
      return new RefreshFailedError(message, details as never);
    case 'ERR_STORAGE':
      return new StorageError(message, details as never);
    case 'ERR_LOCK_TIMEOUT':
      return new LockTimeoutError(message);
    case 'ERR_CONFIGURATION':
      return new ConfigurationError(message);
    case refused:
      return new DOMException(message, 'NotAllowedError');
    default:
      return new TypeError(message);
  }
}

/** An event as plain data. */
export function toBridgeEvent(event: AnyTokenEvent): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(event) as [string, unknown][]) {
    if (isTokenKeepError(value)) plain[name] = toBridgeError(value);
    else if (isPlain(value) || (Array.isArray(value) && value.every(isPlain))) plain[name] = value;
  }
  return plain;
}

/** The event in the page. */
export function fromBridgeEvent(message: unknown): AnyTokenEvent {
  const event = message as AnyTokenEvent & { readonly error?: BridgeError };
  return (event.error === undefined ? event : { ...event, error: fromBridgeError(event.error) }) as never;
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
