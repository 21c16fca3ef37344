/**
 * Messages between a page and a worker in addition to the calls of a bridge. Tokens go in one direction only: into
 * the worker. The other direction is open for access tokens, if the worker allows it.
 *
 * @module
 */

import { type BridgeMessage, type SessionMessage, toLoginName } from '../bridge/bridge-messages.ts';
import { parseBridgeMessage, parseSessionMessage } from '../bridge/parse-bridge-message.ts';
import type { LoginName } from '../core/events.ts';
import type { SetTokensOptions } from '../core/oauth/token-set.ts';

/** Requests of a page to a worker. */
export type WorkerMessage =
  | BridgeMessage
  | SessionMessage
  /** Requests the name of the worker. */
  | { readonly type: 'hello' }
  | { readonly type: 'accessToken'; readonly request: object; readonly login: LoginName | undefined }
  | { readonly type: 'setTokens'; readonly tokens: unknown; readonly options: SetTokensOptions | undefined };

/** A message to a worker, sent with the port for its reply. */
export interface Envelope {
  /** The channel, which distinguishes these messages from those of the application. */
  readonly tokenkeep: string;
  /** The addressed worker: a successor rejects the message and does nothing. Absent in a `hello`. */
  readonly to?: string | undefined;
  /** The presence name of the page. */
  readonly from?: string | undefined;
  readonly message: WorkerMessage;
}

/** The reply of a worker to which the message was not addressed. */
export const wrongWorker = { kind: 'wrong-worker' } as const;

/** Returns the content of an envelope of this channel, or `undefined` for another message. The content is `undefined` if it is invalid. */
export function parseEnvelope(
  data: unknown,
  channel: string,
): { to: string | undefined; from: string; message: WorkerMessage | undefined } | undefined {
  const { tokenkeep, to, from, message } = { ...(data as Record<string, unknown>) };
  if (tokenkeep !== channel || typeof message !== 'object') return undefined;
  const given = { ...(message as Record<string, unknown>) };
  return {
    to: typeof to === 'string' ? to : undefined,
    from: typeof from === 'string' ? from : '',
    message: parseWorkerMessage(given) ?? parseSessionMessage(given) ?? parseBridgeMessage(given, isBody),
  };
}

function parseWorkerMessage({
  type,
  request,
  tokens,
  options,
  login,
}: Record<string, unknown>): WorkerMessage | undefined {
  switch (type) {
    case 'hello':
      return { type };
    case 'accessToken':
      return { type, request: { ...(request as object) }, login: toLoginName(login) };
    case 'setTokens':
      return { type, tokens, options: options as SetTokensOptions | undefined };
    default:
      return undefined;
  }
}

function isBody(body: unknown): body is Uint8Array | Blob | 'streamed' {
  return body === 'streamed' || body instanceof Blob || body instanceof Uint8Array;
}

/** Returns the buffers of a reply, which are transferred without a copy because the reply is not used any more. */
export function transferablesOf(reply: unknown): ArrayBuffer[] {
  const value = (reply as { readonly value?: unknown } | null)?.value;
  const bytes =
    value instanceof Uint8Array ? value : (value as { readonly body?: unknown } | undefined)?.body;
  const isWhole = bytes instanceof Uint8Array && bytes.byteLength === bytes.buffer.byteLength;
  return isWhole ? [bytes.buffer as ArrayBuffer] : [];
}
