/**
 * The common part of the storages of clusters.
 *
 * @module
 */
import type { TokenLock, TokenStorage } from '../core/contracts.ts';

/** A storage that every machine of a cluster sees. It brings its lock and reports changes. */
export interface ClusterStorage extends TokenStorage {
  readonly reach: 'cluster';
  readonly lock: TokenLock;
  watch(key: string, listener: () => void): () => void;
}
