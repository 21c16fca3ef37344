/**
 * Remembers the requirements of servers for proofs: a nonce, and the server's time. Entries are separate for each origin and
 * role, because an authorization server and an API may share an origin.
 *
 * @module
 */

import { readHttpDate } from '../core/http/retry-after.ts';
import { parseUrl } from '../core/http/url.ts';
import type { ProofRequest } from '../core/oauth/dpop-key.ts';

interface ServerState {
  readonly nonce?: string | undefined;
  /** Offset of the server's clock from ours, in ms. */
  readonly clockOffset?: number;
}

/** Number of servers to remember, the most recently seen ones. */
const maxServers = 100;
/** Smallest clock offset, in ms, that can be the reason for a refused proof: servers tolerate some seconds, headers are rounded to one. */
const minClockOffset = 10_000;

export class KnownServers {
  readonly #known = new Map<string, ServerState>();

  get(request: ProofRequest): ServerState {
    return this.#known.get(nameOf(request)) ?? {};
  }

  /** Stores a nonce for the next request (RFC 9449 §8.2). It may come with any response. */
  storeNonce(request: ProofRequest, nonce: string): void {
    this.#note(request, { nonce });
  }

  /**
   * Stores the time of a server that has refused a proof, and of no other: a response from a cache contains an old time.
   *
   * @returns whether the clock may have been the reason.
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
    this.#known.delete(name); // moves the server to the end: it is the most recent one
    this.#known.set(name, { ...before, ...known });
    if (this.#known.size <= maxServers) return;
    for (const oldest of this.#known.keys()) return void this.#known.delete(oldest);
  }
}

/** Returns an absolute URL, as it is sent; in a page it may be relative. */
export function absoluteUrl(url: string): URL {
  return parseUrl(url) ?? new URL(new Request(url).url);
}

function nameOf({ verifier, url }: ProofRequest): string {
  return `${verifier} ${absoluteUrl(url).origin}`;
}
