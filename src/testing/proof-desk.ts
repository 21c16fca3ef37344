/**
 * Where the test server takes DPoP proofs: once each, and with its nonces where it wants them.
 *
 * @module
 */
import type { ServerCounts } from './journal.ts';
import { checkProof, type Proof, proofAlgorithms, WrongProof } from './proof-check.ts';
import { ProofRefusal } from './proof-refusal.ts';
import type { Settings } from './settings.ts';
import { tokenTexts } from './token-text.ts';
import type { Answer, Exchange } from './wire.ts';

/** Who checks a proof. The nonces of the one are not those of the other. */
export type ProofPlace = 'token' | 'api';

/** A proof that was taken, and what the answer says about the next one. */
export interface TakenProof {
  readonly jkt: string;
  readonly headers: Answer['headers'];
}

interface Nonces {
  current: string;
  /** Was current until a moment ago: requests with it may be on their way. */
  previous: string | undefined;
  uses: number;
}

export class ProofDesk {
  readonly #settings: Settings;
  readonly #now: () => number;
  readonly #counts: ServerCounts;
  readonly #text = tokenTexts();
  readonly #nonces: Record<ProofPlace, Nonces>;
  readonly #seen = new Set<string>();

  constructor(settings: Settings, now: () => number, counts: ServerCounts) {
    this.#settings = settings;
    this.#now = now;
    this.#counts = counts;
    this.#nonces = { token: this.#fresh(undefined), api: this.#fresh(undefined) };
  }

  /** Proofs need other nonces from now on; those that were given are not good any more. */
  rotate(): void {
    this.#nonces.token = this.#fresh(undefined);
    this.#nonces.api = this.#fresh(undefined);
  }

  /**
   * The proof of a request; `undefined` if there is none.
   *
   * @throws ProofRefusal
   */
  async take(exchange: Exchange, place: ProofPlace, accessToken?: string): Promise<TakenProof | undefined> {
    const text = exchange.headers.get('dpop');
    if (text === null) return undefined;
    const { method, url, seenAs } = exchange;
    const origin = place === 'api' ? seenAs.apiOrigin : new URL(seenAs.issuer).origin;
    const { tolerance } = this.#settings.dpop;
    const expected = { method, url: origin + url.pathname, accessToken, now: this.#now(), tolerance };
    const proof = await checkProof(text, expected).catch((error: unknown) => {
      if (error instanceof WrongProof) throw this.#refused(error.message);
      throw error;
    });
    if (this.#seen.has(proof.jti)) {
      this.#counts.proofReplays++;
      throw this.#refused('This proof was used before.');
    }
    this.#seen.add(proof.jti);
    return this.#settings.dpop.nonces.includes(place)
      ? this.#withNonce(proof, place)
      : this.#taken(proof, {});
  }

  /** @throws ProofRefusal always */
  missing(): never {
    throw this.#refused('There is no proof.');
  }

  #withNonce(proof: Proof, place: ProofPlace): TakenProof {
    const nonces = this.#nonces[place];
    const isGood =
      proof.nonce === nonces.current || (proof.nonce === nonces.previous && proof.nonce !== undefined);
    if (!isGood) {
      this.#counts.noncesDemanded++;
      throw new ProofRefusal('use_dpop_nonce', 'The proof needs a nonce.', { 'dpop-nonce': nonces.current });
    }
    nonces.uses++;
    if (nonces.uses >= this.#settings.dpop.nonceUses) this.#nonces[place] = this.#fresh(nonces.current);
    const { current } = this.#nonces[place];
    return this.#taken(proof, current === proof.nonce ? {} : { 'dpop-nonce': current });
  }

  #taken({ jkt }: Proof, headers: Answer['headers']): TakenProof {
    this.#counts.proofs++;
    return { jkt, headers };
  }

  #refused(description: string): ProofRefusal {
    this.#counts.proofsRefused++;
    return new ProofRefusal('invalid_dpop_proof', description, {});
  }

  #fresh(previous: string | undefined): Nonces {
    return { current: `nonce-${this.#text(16)}`, previous, uses: 0 };
  }
}

/** What an API says with a 401 to a request with the scheme `DPoP` (RFC 9449 §7.1). */
export function dpopChallenge(error: string): string {
  return `DPoP error="${error}", algs="${proofAlgorithms.join(' ')}"`;
}
