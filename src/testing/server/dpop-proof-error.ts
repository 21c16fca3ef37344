/**
 * The errors of RFC 9449 §5, §7.1 and §8.
 *
 * @module
 */
import type { ServerResponse } from './http-exchange.ts';

/** A proof that is rejected. */
export class DpopProofError extends Error {
  readonly code: 'invalid_dpop_proof' | 'use_dpop_nonce';
  /** Headers with the required nonce, if there is one. */
  readonly headers: ServerResponse['headers'];

  constructor(code: DpopProofError['code'], description: string, headers: ServerResponse['headers']) {
    super(description);
    this.code = code;
    this.headers = headers;
  }
}
