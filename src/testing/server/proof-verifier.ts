/**
 * Checks of DPoP proofs by the test server: each is accepted once, and with a nonce if the server requires one.
 *
 * @module
 */

import { DpopProofError } from './dpop-proof-error.ts';
import type { Exchange, ServerResponse } from './http-exchange.ts';
import type { ServerCounts } from './journal.ts';
import { checkProof, InvalidProof, type Proof, proofAlgorithms } from './proof-check.ts';
import type { ServerSettings } from './server-settings.ts';
import { tokenGenerator } from './token-text.ts';

/** The verifier of a proof. Each has its own nonces. */
export type ProofEndpoint = 'token' | 'api';

/** An accepted proof, and the headers for the next one. */
export interface AcceptedProof {
  readonly jkt: string;
  readonly headers: ServerResponse['headers'];
}

interface Nonces {
  current: string;
  /** The previous nonce: requests with it may be on their way. */
  previous: string | undefined;
  uses: number;
}

export class ProofVerifier {
  readonly #settings: ServerSettings;
  readonly #now: () => number;
  readonly #counts: ServerCounts;
  readonly #text = tokenGenerator();
  readonly #nonces: Record<ProofEndpoint, Nonces>;
  readonly #seen = new Set<string>();

  constructor(settings: ServerSettings, now: () => number, counts: ServerCounts) {
    this.#settings = settings;
    this.#now = now;
    this.#counts = counts;
    this.#nonces = { token: this.#newNonces(undefined), api: this.#newNonces(undefined) };
  }

  /** Replaces the nonces. Proofs with the earlier ones are rejected. */
  rotate(): void {
    this.#nonces.token = this.#newNonces(undefined);
    this.#nonces.api = this.#newNonces(undefined);
  }

  /**
   * Verifies the proof of a request. Returns `undefined` if the request has no proof.
   *
   * @throws DpopProofError
   */
  async verify(
    exchange: Exchange,
    place: ProofEndpoint,
    accessToken?: string,
  ): Promise<AcceptedProof | undefined> {
    const text = exchange.headers.get('dpop');
    if (text === null) return undefined;
    const { method, url, seenAs } = exchange;
    const origin = place === 'api' ? seenAs.apiOrigin : new URL(seenAs.issuer).origin;
    const { tolerance } = this.#settings.dpop;
    const expected = { method, url: origin + url.pathname, accessToken, now: this.#now(), tolerance };
    const proof = await checkProof(text, expected).catch((error: unknown) => {
      if (error instanceof InvalidProof) throw this.#refused(error.message);
      throw error;
    });
    if (this.#seen.has(proof.jti)) {
      this.#counts.proofReplays++;
      throw this.#refused('This proof was used before.');
    }
    this.#seen.add(proof.jti);
    return this.#settings.dpop.nonces.includes(place)
      ? this.#withNonce(proof, place)
      : this.#accepted(proof, {});
  }

  /** @throws DpopProofError always */
  missing(): never {
    throw this.#refused('There is no proof.');
  }

  #withNonce(proof: Proof, place: ProofEndpoint): AcceptedProof {
    const nonces = this.#nonces[place];
    const isGood =
      proof.nonce === nonces.current || (proof.nonce === nonces.previous && proof.nonce !== undefined);
    if (!isGood) {
      this.#counts.noncesDemanded++;
      throw new DpopProofError('use_dpop_nonce', 'The proof needs a nonce.', {
        'dpop-nonce': nonces.current,
      });
    }
    nonces.uses++;
    if (nonces.uses >= this.#settings.dpop.nonceUses) this.#nonces[place] = this.#newNonces(nonces.current);
    const { current } = this.#nonces[place];
    return this.#accepted(proof, current === proof.nonce ? {} : { 'dpop-nonce': current });
  }

  #accepted({ jkt }: Proof, headers: ServerResponse['headers']): AcceptedProof {
    this.#counts.proofs++;
    return { jkt, headers };
  }

  #refused(description: string): DpopProofError {
    this.#counts.proofsRefused++;
    return new DpopProofError('invalid_dpop_proof', description, {});
  }

  #newNonces(previous: string | undefined): Nonces {
    return { current: `nonce-${this.#text(16)}`, previous, uses: 0 };
  }
}

/** Returns the challenge of an API with a 401 to a request with the scheme `DPoP` (RFC 9449 §7.1). */
export function dpopChallenge(error: string): string {
  return `DPoP error="${error}", algs="${proofAlgorithms.join(' ')}"`;
}
