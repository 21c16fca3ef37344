/**
 * tokenkeep/dpop: sessions that are bound to a key (RFC 9449), so that a thief cannot use a stolen token.
 *
 * @module tokenkeep/dpop
 */
export type {
  Dpop,
  DpopKey,
  KeyStorage,
  ProofRequest,
  ProvenTokenRequest,
} from '../core/oauth/dpop-key.ts';
export { type DpopOptions, dpop } from './dpop.ts';
export { exportedKeys } from './exported-keys.ts';
export { memoryKeys } from './memory-keys.ts';
export type { DpopAlgorithm } from './signing.ts';
