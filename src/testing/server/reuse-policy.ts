/**
 * Decides what the use of a refresh token means under each profile. The only place where profiles differ.
 *
 * @module
 */
import type { ProfileRules } from './server-settings.ts';

/** Facts about a refresh token that a policy needs. */
export interface RefreshTokenHistory {
  /** Time of its first use. */
  readonly usedAt: number | undefined;
  /** Number of rotations before it was issued. */
  readonly generation: number;
  readonly family: { readonly generation: number };
}

/**
 * - `rotate`: granted; the response has a new refresh token.
 * - `keep`: granted; the response has no refresh token.
 * - `same`: granted; the response has the refresh token of the request.
 * - `again`: it is used, and granted nevertheless, with other new tokens.
 * - `replay`: it is used, and the response is that of its first use.
 * - `reuse`: it is used, and that ends the family.
 */
export type TokenUse = 'rotate' | 'keep' | 'same' | 'again' | 'replay' | 'reuse';

/** Classifies the use of a refresh token that is neither revoked nor expired. */
export function classifyUse(token: RefreshTokenHistory, profile: ProfileRules, now: number): TokenUse {
  if (profile.kind === 'noRotation') return 'keep';
  if (profile.kind === 'sameToken') return 'same';
  if (profile.kind === 'rotateOldStaysValid' || token.usedAt === undefined) return 'rotate';
  if (profile.kind === 'strict' || profile.kind === 'countsFailures') return 'reuse';
  if (now - token.usedAt > profile.ms) return 'reuse';
  if (profile.kind === 'idempotentReplay') return 'replay';
  const isPrevious = token.generation === token.family.generation - 1;
  return isPrevious || profile.previousOnly === false ? 'again' : 'reuse';
}

/** Checks whether a failed attempt counts as a use. */
export function failureIsUse(profile: ProfileRules): boolean {
  return profile.kind === 'countsFailures';
}
