/** Cookies that hold a random id, and no token. */
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export interface Cookies {
  /** The id that this browser has, if it is one of ours by its looks. */
  read(request: IncomingMessage, name: string): string | undefined;
  /** `Set-Cookie`, for so many seconds. */
  write(name: string, id: string, seconds: number): string;
}

export const newId = (): string => randomBytes(32).toString('base64url');

/** The hash that is stored and logged instead of an id: a reader of keys and logs learns no cookie. */
export const nameOf = (id: string): string => createHash('sha256').update(id).digest('base64url');

/** Lax: with a POST, browsers send it to pages of ours only. `__Host-`: no other host of the domain can set it. */
export function cookiesOf(origin: string): Cookies {
  const isSecure = origin.startsWith('https:'); // http is for loopback
  const [prefix, secure] = isSecure ? ['__Host-', '; Secure'] : ['', ''];
  return {
    read({ headers }, name) {
      const pairs = new Map(
        headers.cookie?.split('; ').map((pair) => pair.split('=', 2) as [string, string]),
      );
      const id = pairs.get(prefix + name);
      return id !== undefined && /^[\w-]{43}$/.test(id) ? id : undefined;
    },
    write: (name, id, seconds) =>
      `${prefix}${name}=${id}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${seconds}${secure}`,
  };
}
