/**
 * Messages between a page and the place where the manager lives: plain data only, and never a token.
 *
 * @module
 */

import { isTokenKeepError } from '../core/errors.ts';
import type { AnyTokenEvent, LoginName } from '../core/events.ts';
import type { RevocationResult } from '../core/oauth/revocation-result.ts';
import type { RequestRedirect } from '../core/platform-types.ts';
import { type BridgeError, fromBridgeError, isPrimitive, toBridgeError } from './bridge-error.ts';

/** A page's connection to the manager. It carries only functions and plain data. */
export interface TokenManagerBridge {
  /** Sends a message to the manager's side, which validates it. */
  call(message: BridgeMessage | SessionMessage): Promise<unknown>;
  /** Listens to events. Returns a function that unsubscribes. */
  listen(listener: (event: unknown) => void): () => void;
}

/** Requests of a page. */
export type BridgeMessage =
  | { readonly type: 'begin' }
  | ({ readonly type: 'fetch'; readonly id: string } & BridgeRequest)
  /** The next chunk of a `'streamed'` request body. A message without a chunk ends the body. */
  | { readonly type: 'write'; readonly id: string; readonly chunk?: Uint8Array | undefined }
  | { readonly type: 'read'; readonly id: string }
  | { readonly type: 'cancel'; readonly id: string };

/** Requests of a page beyond calls, where it may make them. */
export type SessionMessage =
  | { readonly type: 'login'; readonly request: unknown }
  | {
      readonly type: 'signOut';
      readonly revoke: boolean | undefined;
      readonly timeout: number | undefined;
    };

/** Options of a sign-out that cross a bridge. */
export interface BridgeSignOutOptions {
  /** `true`: revokes the tokens at the authorization server (RFC 7009). @default true */
  readonly revoke?: boolean | undefined;
  /** Time limit for the authorization server, in ms. @default 2_000 */
  readonly timeout?: number | undefined;
}

/** A request as plain data. */
export interface BridgeRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The whole body; `'streamed'`: it is written chunk by chunk. */
  readonly body: Uint8Array | Blob | 'streamed' | undefined;
  readonly redirect: RequestRedirect;
  /** Other members of a request, if both sides run in one browser: `cache`, `credentials` … */
  readonly requestOptions?: Readonly<Record<string, string>> | undefined;
  /** The login that was current in the page when it began the call. */
  readonly login?: LoginName | undefined;
}

/** The reply to a message. An error is a value too, because a bridge rewrites the errors of rejections. */
export type BridgeReply<T> = (
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'error'; readonly error: BridgeError }
) & {
  /** The current login. */
  readonly login?: LoginName | undefined;
};

/** Returns the value of a reply. @throws the error of the manager */
export function valueOfReply<T>(reply: BridgeReply<T>): T {
  if (reply.kind === 'error') throw fromBridgeError(reply.error);
  return reply.value;
}

/** A response as plain data. */
export interface BridgeResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly url: string;
  readonly redirected: boolean;
  /** The whole body; `'streamed'`: to be read chunk by chunk. */
  readonly body: Uint8Array | 'streamed' | undefined;
}

/** Returns the options of a sign-out that a page has sent. */
export function signOutOptions({ revoke, timeout }: BridgeSignOutOptions): BridgeSignOutOptions {
  return { ...(revoke !== undefined && { revoke }), ...(timeout !== undefined && { timeout }) };
}

/** Returns the result of a sign-out as plain data. */
export function toBridgeResult(result: RevocationResult): RevocationResult {
  if (result.revoked) return result;
  const { cause: _stays, ...plain } = result;
  return plain;
}

/** Returns the name of a login as plain data. Returns `undefined` for anything that is not an object. */
export function toLoginName(given: unknown): LoginName | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  const { login, subject } = given as Readonly<Record<string, unknown>>;
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  return { login: text(login), subject: text(subject) };
}

/** Returns an event as plain data. */
export function toBridgeEvent(event: AnyTokenEvent): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(event) as [string, unknown][]) {
    if (isTokenKeepError(value)) plain[name] = toBridgeError(value);
    else if (name === 'replaced') plain[name] = toLoginName(value);
    else if (isPrimitive(value) || (Array.isArray(value) && value.every(isPrimitive))) plain[name] = value;
  }
  return plain;
}

/** Returns the event for the page. */
export function fromBridgeEvent(message: unknown): AnyTokenEvent {
  const event = message as AnyTokenEvent & { readonly error?: BridgeError };
  return (event.error === undefined ? event : { ...event, error: fromBridgeError(event.error) }) as never;
}
