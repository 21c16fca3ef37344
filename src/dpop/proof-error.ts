/**
 * Recognises responses that reject only the proof: the server has not read the token or grant (RFC 9449 §5,
 * §7.1, §8, §9).
 *
 * @module
 */

import { parseChallenges } from '../core/http/rejection.ts';
import { parseBody } from '../core/oauth/token-grant.ts';
import type { RawTokenResponse } from '../core/oauth/token-response.ts';
import { isJsonObject } from '../core/own-members.ts';

export type ProofError = 'use_dpop_nonce' | 'invalid_dpop_proof';

function isProofError(error: unknown): error is ProofError {
  return error === 'use_dpop_nonce' || error === 'invalid_dpop_proof';
}

/** Returns the proof error of a protected resource. Only a 401 proves that the request was not processed (law replay-once). */
export function proofErrorOfResource({ status, headers }: Response): ProofError | undefined {
  if (status !== 401) return undefined;
  const challenges = parseChallenges(headers.get('www-authenticate'));
  return challenges.map(({ parameters }) => parameters['error']).find(isProofError);
}

/**
 * Returns the proof error of a token endpoint. No other refusal is sent again: the server may have read the refresh token
 * (law single-use).
 */
export function proofErrorOfServer({ status, body }: RawTokenResponse): ProofError | undefined {
  if (status !== 400 && status !== 401) return undefined;
  const members = parseBody(body);
  const error = isJsonObject(members) ? members['error'] : undefined;
  return isProofError(error) ? error : undefined;
}
