/**
 * The errors of RFC 9449 §5, §7.1 and §8.
 *
 * @module
 */
import type { Answer } from './wire.ts';

/** A proof that is not taken. */
export class ProofRefusal extends Error {
  readonly code: 'invalid_dpop_proof' | 'use_dpop_nonce';
  /** With the nonce to use, where there is one. */
  readonly headers: Answer['headers'];

  constructor(code: ProofRefusal['code'], description: string, headers: Answer['headers']) {
    super(description);
    this.code = code;
    this.headers = headers;
  }
}
