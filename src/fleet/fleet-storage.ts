/**
 * What the storages of fleets have in common.
 *
 * @module
 */
import type { TokenLock, TokenStorage } from '../core/contracts.ts';

/** A storage that every machine of a fleet sees. It brings its lock, and tells of changes. */
export interface FleetStorage extends TokenStorage {
  readonly reach: 'cluster';
  readonly lock: TokenLock;
  watch(key: string, listener: () => void): () => void;
}
