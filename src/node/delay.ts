/**
 * Waiting for other processes of this machine.
 *
 * @module
 */

import { delay } from '../async/abortable.ts';

/** Resolves after about `ms`, up to a quarter more or less, so that processes that wait for the same event do not poll in step. */
export function jitteredDelay(ms: number, signal?: AbortSignal): Promise<void> {
  return delay(ms * (0.75 + Math.random() / 2), signal);
}
