/**
 * The required reach of locks and keys. It must match that of the storage: otherwise two processes could spend one refresh token.
 *
 * @module
 */

import type { Reach, TokenLock, TokenStorage } from '../contracts.ts';
import { ConfigurationError } from '../errors.ts';
import { explain } from '../explain.ts';
import type { Dpop } from '../oauth/dpop-key.ts';
import { readMember } from '../own-members.ts';

/** All reaches, from the narrowest to the widest. */
export const reaches: readonly Reach[] = ['process', 'machine', 'cluster'];

/**
 * Checks that the keys are available in every process that has the sessions.
 *
 * @throws ConfigurationError
 */
export function checkKeyReach(dpop: Dpop | undefined, storage: TokenStorage): void {
  if (dpop === undefined || reaches.indexOf(dpop.reach) >= reaches.indexOf(storage.reach)) return;
  throw new ConfigurationError(
    explain(
      'dpop-keys',
      `The keys of the option dpop reach a ${dpop.reach}, but the storage a ${storage.reach}. Pass keys to dpop({ keys }) that reach as far.`,
    ),
  );
}

/** A lock with own members only, so that a polluted prototype adds none. */
export interface CheckedLock {
  readonly reach: Reach;
  readonly lease: number | undefined;
  readonly mayBeLost: boolean | undefined;
  readonly request: TokenLock['request'];
}

/**
 * Returns the lock of a storage, unless it reaches less far than the storage it protects, or its lease is too short.
 *
 * @throws ConfigurationError
 */
export function checkLock(lock: TokenLock | undefined, storage: TokenStorage, timeout: number): CheckedLock {
  if (lock === undefined) {
    throw new ConfigurationError(
      explain('lock', 'The option lock is missing: this storage brings none. Pass one that reaches as far.'),
    );
  }
  if (reaches.indexOf(lock.reach) < reaches.indexOf(storage.reach)) {
    throw new ConfigurationError(
      explain(
        'lock',
        `The option lock reaches a ${lock.reach}, but the storage a ${storage.reach}: two of them could spend one ` +
          `refresh token. Use the lock that belongs to the storage, or one that reaches a ${storage.reach}.`,
      ),
    );
  }
  // Law bounded-locks: a lease must outlast the token request, including the markers before and after it.
  const least = timeout + 10_000;
  const lease = readMember(lock, 'lease');
  const mayBeLost = readMember(lock, 'mayBeLost');
  if (lease !== undefined && lease < least) {
    throw new ConfigurationError(
      explain(
        'lock',
        `The lease of the option lock is ${lease} ms, but a refresh may take ${timeout} ms and has to be stored. ` +
          `Lengthen the lease to ${least} ms or shorten the option timeout.`,
      ),
    );
  }
  return { reach: lock.reach, lease, mayBeLost, request: lock.request.bind(lock) };
}
