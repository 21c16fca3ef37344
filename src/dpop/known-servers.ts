/**
 * What servers have said about the proofs that they want: a nonce, and what time it is there. Kept apart by origin and by
 * what the server is to us: an authorization server and an API may live at one origin.
 *
 * @module
 */

import type { ProofRequest } from '../core/possession.ts';
import { readHttpDate } from '../core/retry-after.ts';
import { parseUrl } from '../core/url.ts';

interface Known {
  readonly nonce?: string | undefined;
  /** How far its clock is ahead of ours, in ms. */
  readonly ahead?: number;
}

/** How many servers are remembered, those that were heard of last. */
const most = 100;
/** A clock that is off by less is not why a proof was refused, in ms: servers allow for some seconds, headers for one. */
const notable = 10_000;

export class KnownServers {
  readonly #known = new Map<string, Known>();

  of({ verifier, url }: ProofRequest): Known {
    return this.#known.get(`${verifier} ${originOf(url)}`) ?? {};
  }

  /** A nonce may come with any answer, and is for the next request (RFC 9449 §8.2). */
  nonce(request: ProofRequest, nonce: string): void {
    this.#note(request, { nonce });
  }

  /**
   * The time of a server that has refused a proof. Only then: an answer that a cache has kept says an old one.
   *
   * @returns whether that may have been the reason.
   */
  time(request: ProofRequest, date: string | null): boolean {
    const { now = Date.now() } = request;
    const { ahead: before = 0 } = this.of(request);
    const ahead = (readHttpDate(date) ?? now) - now;
    const isOther = Math.abs(ahead - before) >= notable;
    // The server refused a proof with the remembered clock offset, so the next proof uses the local time again.
    if (isOther || before !== 0) this.#note(request, { ahead: isOther ? ahead : 0 });
    return isOther;
  }

  #note(request: ProofRequest, known: Known): void {
    const name = `${request.verifier} ${originOf(request.url)}`;
    const before = this.#known.get(name);
    this.#known.delete(name); // the latest is the last
    this.#known.set(name, { ...before, ...known });
    if (this.#known.size <= most) return;
    for (const oldest of this.#known.keys()) return void this.#known.delete(oldest);
  }
}

/** A URL as it goes over the wire; in a page it may be relative. */
export function parsed(url: string): URL {
  return parseUrl(url) ?? new URL(new Request(url).url);
}

function originOf(url: string): string {
  return parsed(url).origin;
}
