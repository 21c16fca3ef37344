/**
 * The number of an advisory lock.
 *
 * @module
 */
import { escapeKey } from '../cluster/escape-key.ts';

/**
 * Returns 64 bits of a SHA-256, as Postgres writes a `bigint`. Two names with the same number are infeasible to find, and would only
 * make two sessions wait for each other.
 */
export async function advisoryLockId(name: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(escapeKey(name)));
  return new DataView(digest).getBigInt64(0).toString();
}
