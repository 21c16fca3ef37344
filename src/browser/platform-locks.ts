/**
 * The Web Locks of the platform, as something that is taken and released.
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
  /** `true`: someone has stolen it. */
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
 * The locks of a browser reach all its processes. Those of Node, and those that a DOM for Node brings, are written in
 * JavaScript and end with the process: there a storage that reaches farther needs another lock.
 */
export function webLocksReach(): Reach {
  const { navigator } = globalThis as { navigator?: Partial<Navigator> };
  const isScript = navigator?.locks !== undefined && !isNative(navigator.locks.request);
  return !isScript && ('document' in globalThis || 'WorkerGlobalScope' in globalThis) ? 'machine' : 'process';
}

/**
 * Takes a Web Lock and keeps it until `release`, or until it is stolen.
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
    // After the grant only a thief makes it reject, and nobody listens to `reject` any more.
    locks.request(name, options, hold).catch((error: unknown) => {
      isStolen = true;
      reject(options.signal?.aborted ? options.signal.reason : toConfigurationError(error));
    });
  });
}

/** The browser refuses locks where it stores nothing. */
function toConfigurationError(error: unknown): unknown {
  if ((error as { name?: unknown } | null)?.name !== 'SecurityError') return error;
  return new ConfigurationError(`webLock(): the browser refuses Web Locks. ${siteDataRemedy()}`, {
    cause: error,
  });
}

/** Longer ones are cut: WebKit refuses names of more than 1024 characters, and ours have something before and behind them. */
const maxNameLength = 500;

/** A name that every engine takes. Different names stay different: what was cut is longer than what was not. */
export async function toLockName(name: string): Promise<string> {
  if (name.length <= maxNameLength) return name;
  const digest = await subtleCrypto('webLock()').digest('SHA-256', new TextEncoder().encode(name));
  const hash = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${name.slice(0, maxNameLength)}#${hash}`;
}

/** How long others wait for a task that is to be brief before they take its place, in ms, and a little more by chance. */
const stealAfterMs = 5_000;
/** How long such a task may act, in ms: a tab that was frozen in it and wakes up must not go on. */
const briefTaskMs = 2_000;

/** `true` as long as a brief task may act: asked right before each thing that others rely on. */
export type MayAct = () => boolean;

/**
 * Runs a task of a few milliseconds alone. Other tabs do not wait for a tab that freezes in it: when it wakes up, its
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
  // By chance, so that of several who lose patience one comes first and the others see it.
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
