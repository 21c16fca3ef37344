/**
 * The texts of tokens: long, distinct from any other text of a test, and the same in every run.
 *
 * @module
 */
import { bytesOf, toBase64url } from './http-exchange.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
let servers = 0;

/** Creates a generator of tokens for one server. Two servers of one process never generate the same one. */
export function tokenGenerator(): (length?: number) => string {
  let state = Math.imul(++servers, 0x9e3779b1) >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0; // mulberry32
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return (length = 40) => {
    let text = '';
    while (text.length < length) {
      const bits = next();
      for (let shift = 0; shift < 30; shift += 6) text += alphabet[(bits >>> shift) & 63];
    }
    return text.slice(0, length);
  };
}

/** Returns a text in the form of a JWT. Its signature is meaningless. */
export function jwtLike(claims: Readonly<Record<string, unknown>>, signature: string): string {
  const part = (value: unknown): string => toBase64url(bytesOf(JSON.stringify(value)));
  return `${part({ alg: 'ES256', typ: 'JWT' })}.${part(claims)}.${signature}`;
}
