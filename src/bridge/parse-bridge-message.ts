/**
 * Parses messages of a page. A page can send anything, so only messages of our side of a bridge pass.
 *
 * @module
 */
import {
  type BridgeMessage,
  type BridgeRequest,
  type SessionMessage,
  toLoginName,
} from './bridge-messages.ts';

type Untrusted = Readonly<Record<string, unknown>>;
/** Checks whether a body may cross this bridge. */
type BodyCheck = (body: unknown) => body is NonNullable<BridgeRequest['body']>;

const requestOptionNames = ['cache', 'credentials', 'integrity', 'referrer', 'referrerPolicy'];

/** Copies the known members of a message, and nothing else. Returns `undefined` for an invalid message. */
export function parseBridgeMessage(given: unknown, isBody: BodyCheck): BridgeMessage | undefined {
  const message: Untrusted = { ...(given as Untrusted) };
  const { type, id, chunk } = message;
  if (type === 'begin') return { type };
  if (typeof id !== 'string') return undefined;
  if (type === 'read' || type === 'cancel') return { type, id };
  if (type === 'write' && (chunk === undefined || chunk instanceof Uint8Array)) return { type, id, chunk };
  const request = type === 'fetch' ? parseRequest(message, isBody) : undefined;
  return request && { type: 'fetch', id, ...request };
}

/** Copies the known members of a sign-in or sign-out message. Returns `undefined` for an invalid message. */
export function parseSessionMessage(given: unknown): SessionMessage | undefined {
  const { type, request, revoke, timeout }: Untrusted = { ...(given as Untrusted) };
  if (type === 'login') return { type, request };
  if (type === 'signOut') {
    return {
      type,
      revoke: typeof revoke === 'boolean' ? revoke : undefined,
      timeout: typeof timeout === 'number' ? timeout : undefined,
    };
  }
  return undefined;
}

function parseRequest(message: Untrusted, isBody: BodyCheck): BridgeRequest | undefined {
  const { url, method, headers, body, redirect, requestOptions, login } = message;
  if (typeof url !== 'string' || typeof method !== 'string') return undefined;
  if (!Array.isArray(headers) || !headers.every(isPair)) return undefined;
  if (body !== undefined && !isBody(body)) return undefined;
  if (redirect !== 'follow' && redirect !== 'error' && redirect !== 'manual') return undefined;
  const more = { requestOptions: parseRequestOptions(requestOptions), login: toLoginName(login) };
  return { url, method, headers, body, redirect, ...more };
}

function parseRequestOptions(given: unknown): Record<string, string> | undefined {
  if (given === undefined) return undefined;
  const known = Object.entries({ ...(given as Untrusted) }).filter(
    (entry): entry is [string, string] =>
      requestOptionNames.includes(entry[0]) && typeof entry[1] === 'string',
  );
  return Object.fromEntries(known);
}

function isPair(pair: unknown): boolean {
  return Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === 'string');
}
