/**
 * What servers say when nothing but the proof is at fault: what it came with was not looked at (RFC 9449 §5, §7.1, §8, §9).
 *
 * @module
 */
import { hasMembers, parseBody } from '../core/answer-body.ts';
import { parseChallenges } from '../core/challenge.ts';
import type { Answer } from '../core/token-answer.ts';

export type ProofComplaint = 'use_dpop_nonce' | 'invalid_dpop_proof';

function isComplaint(error: unknown): error is ProofComplaint {
  return error === 'use_dpop_nonce' || error === 'invalid_dpop_proof';
}

/** Of a protected resource. Only a 401 proves that the request was not processed (law 7). */
export function complaintOfResource({ status, headers }: Response): ProofComplaint | undefined {
  if (status !== 401) return undefined;
  const challenges = parseChallenges(headers.get('www-authenticate'));
  return challenges.map(({ parameters }) => parameters['error']).find(isComplaint);
}

/** Of a token endpoint. Whatever else it refuses is not sent again: the refresh token may have been looked at (law 1). */
export function complaintOfServer({ status, body }: Answer): ProofComplaint | undefined {
  if (status !== 400 && status !== 401) return undefined;
  const members = parseBody(body);
  const error = hasMembers(members) ? members['error'] : undefined;
  return isComplaint(error) ? error : undefined;
}
