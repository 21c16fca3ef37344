/** Distinguishes requests of our page from those that other sites make a browser send. */
import type { IncomingMessage } from 'node:http';

const { PORT = '3000', ORIGIN = `http://localhost:${PORT}` } = process.env;

/** Where browsers see this backend. Never taken from a request, in which anything can stand. */
export const origin: string = new URL(ORIGIN).origin;
export const port = Number(PORT);

/**
 * Only script of our own origin can send this header: for any other one the browser asks first, and nobody says yes. Reads
 * need it as well as writes. With all that is not a plain read a browser names its page, and that has to be ours.
 */
export function isFromOurPage({ method, headers }: IncomingMessage): boolean {
  if (headers['token-handler-version'] !== '1') return false;
  if (headers.origin === undefined) return method === 'GET' || method === 'HEAD';
  return headers.origin === origin;
}

/** Bodies are read whole, so they have to say how long they are. */
export function isSmall({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) <= 1_000_000;
}

const isSecure = origin.startsWith('https:');
const nameOf = (name: string) => (isSecure ? `__Host-${name}` : name);

/** A cookie that no script sees, that no other site makes a browser send, and that no other host can set. */
export function cookie(name: string, value: string, maxAge?: number): string {
  const end = maxAge === undefined ? '' : `; Max-Age=${maxAge}`;
  return `${nameOf(name)}=${value}; Path=/; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}${end}`;
}

/** Its value, if it has one: of two with one name somebody else has set the other. */
export function cookieOf({ headers }: IncomingMessage, name: string): string | undefined {
  const start = `${nameOf(name)}=`;
  const found = (headers.cookie ?? '').split('; ').filter((pair) => pair.startsWith(start));
  return found.length === 1 ? found[0]?.slice(start.length) : undefined;
}

/** A place of ours. Whole, because `//evil.example` begins like a path. */
export function placeHere(path: string): string {
  const url = URL.parse(path, origin);
  return url?.origin === origin ? url.href : `${origin}/`;
}
