/**
 * The platform's Web Locks, with methods to acquire and release them.
 *
 * @module
 */

import type { Reach } from '../core/contracts.ts';
import { ConfigurationError } from '../core/errors.ts';
import { isNative } from '../platform/browser-fetch.ts';
import { subtleCrypto } from '../platform/web-crypto.ts';
import { untilPageActive } from './page-lifecycle.ts';
import { siteDataRemedy } from './site-data.ts';

/** A Web Lock that is held. */
export interface HeldWebLock {
  /** `true`: another tab has stolen the lock. */
  readonly isStolen: boolean;
  release(): void;
}

/** @throws ConfigurationError where there are no Web Locks. */
export function requireWebLocks(): LockManager {
  const { navigator, isSecureContext } = globalThis as { navigator?: Navigator; isSecureContext?: boolean };
  if (navigator?.locks !== undefined) return navigator.locks;
  throw new ConfigurationError(
    isSecureContext === false
      ? 'webLock(): this page is no secure context, so it has no Web Locks. Serve it over https or from localhost.'
      : 'webLock(): this platform has no Web Locks. Use memoryStorage() here, or pass your own lock.',
  );
}

/**
 * Returns the reach of the platform's locks. Those of a browser reach all its processes. Those of Node, and those that a DOM for Node
 * provides, are written in JavaScript and end with the process: a storage with a wider reach needs another lock there.
 */
export function webLocksReach(): Reach {
  const { navigator } = globalThis as { navigator?: Partial<Navigator> };
  const isScript = navigator?.locks !== undefined && !isNative(navigator.locks.request);
  return !isScript && ('document' in globalThis || 'WorkerGlobalScope' in globalThis) ? 'machine' : 'process';
}

/**
 * Acquires a Web Lock and holds it until `release`, or until it is stolen.
 *
 * @throws the signal's reason after an abort; ConfigurationError where the browser refuses locks to the page.
 */
export function acquireWebLock(
  locks: LockManager,
  name: string,
  options: LockOptions = {},
): Promise<HeldWebLock> {
  return new Promise((resolve, reject) => {
    let isStolen = false;
    const hold = (): Promise<void> =>
      new Promise((release) => {
        resolve({
          get isStolen() {
            return isStolen;
          },
          release,
        });
      });
    // After the grant only a theft rejects it, and `reject` has no effect any more.
    locks.request(name, options, hold).catch((error: unknown) => {
      isStolen = true;
      reject(options.signal?.aborted ? options.signal.reason : toConfigurationError(error));
    });
  });
}

/** Returns a ConfigurationError if the browser refuses locks, as it does where it stores nothing. */
function toConfigurationError(error: unknown): unknown {
  if ((error as { name?: unknown } | null)?.name !== 'SecurityError') return error;
  return new ConfigurationError(`webLock(): the browser refuses Web Locks. ${siteDataRemedy()}`, {
    cause: error,
  });
}

/** Longer names are cut: WebKit refuses names of more than 1024 characters, and tokenkeep adds a prefix and a suffix. */
const maxNameLength = 500;

/** Returns a name that every engine accepts. Different names stay different: a cut name is longer than one that was not cut. */
export async function toLockName(name: string): Promise<string> {
  if (name.length <= maxNameLength) return name;
  const digest = await subtleCrypto('webLock()').digest('SHA-256', new TextEncoder().encode(name));
  const hash = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${name.slice(0, maxNameLength)}#${hash}`;
}

/** Time after which other tabs steal the lock of a brief task, in ms. They add a little at random. */
const stealAfterMs = 5_000;
/** Time for which a brief task may act, in ms: a tab that was frozen during the task must not continue when it wakes up. */
const briefTaskMs = 2_000;

/** Returns `true` as long as a brief task may act. Call it right before each step that other tabs rely on. */
export type MayAct = () => boolean;

/**
 * Runs a task of a few milliseconds exclusively. Other tabs do not wait for a tab that freezes during the task: when it wakes up, its
 * `mayAct` returns `false`.
 */
export async function withBriefLock<T>(
  locks: LockManager,
  name: string,
  task: (mayAct: MayAct) => Promise<T>,
): Promise<T> {
  await untilPageActive();
  const lock = await acquireOrSteal(locks, name);
  const start = performance.now();
  const mayAct = (): boolean => !lock.isStolen && performance.now() - start < briefTaskMs;
  try {
    return await task(mayAct);
  } finally {
    lock.release();
  }
}

async function acquireOrSteal(locks: LockManager, name: string): Promise<HeldWebLock> {
  const controller = new AbortController();
  // A random delay: of several tabs that stop waiting, one is first and the others see it.
  const timer = setTimeout(() => controller.abort(), stealAfterMs * (1 + Math.random()));
  try {
    return await acquireWebLock(locks, name, { signal: controller.signal });
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    return await acquireWebLock(locks, name, { steal: true });
  } finally {
    clearTimeout(timer);
  }
}
