/**
 * tokenkeep/dpop: sessions that are bound to a key (RFC 9449), so that a stolen token is of no use to the thief.
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
