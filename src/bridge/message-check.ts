/**
 * What a page sent, if it is what our side of a bridge sends: a page can send anything.
 *
 * @module
 */
import { type BridgeMessage, type BridgeRequest, type SessionMessage, toLoginName } from './wire.ts';

type Given = Readonly<Record<string, unknown>>;
/** A body, if it is one that may cross this bridge. */
type BodyCheck = (body: unknown) => body is NonNullable<BridgeRequest['body']>;

const manners = ['cache', 'credentials', 'integrity', 'referrer', 'referrerPolicy'];

/** Copies what is known of a message, and nothing else. `undefined`: this is none. */
export function messageOf(given: unknown, isBody: BodyCheck): BridgeMessage | undefined {
  const message: Given = { ...(given as Given) };
  const { type, id, piece } = message;
  if (type === 'begin') return { type };
  if (typeof id !== 'string') return undefined;
  if (type === 'read' || type === 'cancel') return { type, id };
  if (type === 'write' && (piece === undefined || piece instanceof Uint8Array)) return { type, id, piece };
  const request = type === 'fetch' ? requestOf(message, isBody) : undefined;
  return request && { type: 'fetch', id, ...request };
}

/** The same for what is not a call. */
export function sessionMessageOf(given: unknown): SessionMessage | undefined {
  const { type, request, revoke, timeout }: Given = { ...(given as Given) };
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

function requestOf(message: Given, isBody: BodyCheck): BridgeRequest | undefined {
  const { url, method, headers, body, redirect, manner, login } = message;
  if (typeof url !== 'string' || typeof method !== 'string') return undefined;
  if (!Array.isArray(headers) || !headers.every(isPair)) return undefined;
  if (body !== undefined && !isBody(body)) return undefined;
  if (redirect !== 'follow' && redirect !== 'error' && redirect !== 'manual') return undefined;
  const more = { manner: mannerOf(manner), login: toLoginName(login) };
  return { url, method, headers, body, redirect, ...more };
}

function mannerOf(given: unknown): Record<string, string> | undefined {
  if (given === undefined) return undefined;
  const known = Object.entries({ ...(given as Given) }).filter(
    (entry): entry is [string, string] => manners.includes(entry[0]) && typeof entry[1] === 'string',
  );
  return Object.fromEntries(known);
}

function isPair(pair: unknown): boolean {
  return Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === 'string');
}
