/**
 * Remembers what servers require of proofs: a nonce, and the time there. Entries are separate for each origin and
 * role, because an authorization server and an API may share an origin.
 *
 * @module
 */

import { readHttpDate } from '../core/http/retry-after.ts';
import { parseUrl } from '../core/http/url.ts';
import type { ProofRequest } from '../core/oauth/dpop-key.ts';

interface ServerState {
  readonly nonce?: string | undefined;
  /** How far its clock is ahead of ours, in ms. */
  readonly clockOffset?: number;
}

/** Number of servers to remember, the most recently seen ones. */
const maxServers = 100;
/** A clock that is off by less is not why a proof was refused, in ms: servers allow for some seconds, headers for one. */
const minClockOffset = 10_000;

export class KnownServers {
  readonly #known = new Map<string, ServerState>();

  get(request: ProofRequest): ServerState {
    return this.#known.get(nameOf(request)) ?? {};
  }

  /** A nonce may come with any response, and is for the next request (RFC 9449 §8.2). */
  storeNonce(request: ProofRequest, nonce: string): void {
    this.#note(request, { nonce });
  }

  /**
   * The time of a server that has refused a proof. Only then: an answer that a cache has kept says an old one.
   *
   * @returns whether that may have been the reason.
   */
  updateClock(request: ProofRequest, date: string | null): boolean {
    const { now = Date.now() } = request;
    const { clockOffset: before = 0 } = this.get(request);
    const clockOffset = (readHttpDate(date) ?? now) - now;
    const isOther = Math.abs(clockOffset - before) >= minClockOffset;
    // The server refused a proof with the remembered clock offset, so the next proof uses the local time again.
    if (isOther || before !== 0) this.#note(request, { clockOffset: isOther ? clockOffset : 0 });
    return isOther;
  }

  #note(request: ProofRequest, known: ServerState): void {
    const [name, before] = [nameOf(request), this.get(request)];
    this.#known.delete(name); // the latest is the last
    this.#known.set(name, { ...before, ...known });
    if (this.#known.size <= maxServers) return;
    for (const oldest of this.#known.keys()) return void this.#known.delete(oldest);
  }
}

/** A URL as it goes over the wire; in a page it may be relative. */
export function absoluteUrl(url: string): URL {
  return parseUrl(url) ?? new URL(new Request(url).url);
}

function nameOf({ verifier, url }: ProofRequest): string {
  return `${verifier} ${absoluteUrl(url).origin}`;
}
