/**
 * The Web Locks of the platform, as something that is taken and released.
 *
 * @module
 */

import type { Reach } from '../core/contracts.ts';
import { ConfigurationError } from '../core/errors.ts';
import { isNative } from '../platform/browser-fetch.ts';
import { subtleCrypto } from '../platform/web-crypto.ts';
import { refusalWords } from './site-data.ts';
import { awake } from './waking.ts';

/** A Web Lock that is held. */
export interface Grip {
  /** `true`: someone has stolen it. */
  readonly lost: boolean;
  release(): void;
}

/** @throws ConfigurationError where there are no Web Locks. */
export function platformLocks(): LockManager {
  const { navigator, isSecureContext } = globalThis as { navigator?: Navigator; isSecureContext?: boolean };
  if (navigator?.locks !== undefined) return navigator.locks;
  throw new ConfigurationError(
    isSecureContext === false
      ? 'webLock(): this page is no secure context, so it has no Web Locks. Serve it over https or from localhost.'
      : 'webLock(): this platform has no Web Locks. Use memoryStorage() here, or hand in a lock of your own.',
  );
}

/**
 * The locks of a browser reach all its processes. Those of Node, and those that a DOM for Node brings, are written in
 * JavaScript and end with the process: there a storage that reaches farther needs another lock.
 */
export function reachOfLocks(): Reach {
  const { navigator } = globalThis as { navigator?: Partial<Navigator> };
  const isScript = navigator?.locks !== undefined && !isNative(navigator.locks.request);
  return !isScript && ('document' in globalThis || 'WorkerGlobalScope' in globalThis) ? 'machine' : 'process';
}

/**
 * Takes a Web Lock and keeps it until `release`, or until it is stolen.
 *
 * @throws the signal's reason after an abort; ConfigurationError where the browser refuses locks to the page.
 */
export function take(locks: LockManager, name: string, options: LockOptions = {}): Promise<Grip> {
  return new Promise((resolve, reject) => {
    let lost = false;
    const hold = (): Promise<void> =>
      new Promise((release) => {
        resolve({
          get lost() {
            return lost;
          },
          release,
        });
      });
    // After the grant only a thief makes it reject, and nobody listens to `reject` any more.
    locks.request(name, options, hold).catch((error: unknown) => {
      lost = true;
      reject(options.signal?.aborted ? options.signal.reason : refusalOf(error));
    });
  });
}

/** The browser refuses locks where it stores nothing. */
function refusalOf(error: unknown): unknown {
  if ((error as { name?: unknown } | null)?.name !== 'SecurityError') return error;
  return new ConfigurationError(`webLock(): the browser refuses Web Locks. ${refusalWords()}`, {
    cause: error,
  });
}

/** Longer ones are cut: WebKit refuses names of more than 1024 characters, and ours have something before and behind them. */
const longestName = 500;

/** A name that every engine takes. Different names stay different: what was cut is longer than what was not. */
export async function lockable(name: string): Promise<string> {
  if (name.length <= longestName) return name;
  const digest = await subtleCrypto('webLock()').digest('SHA-256', new TextEncoder().encode(name));
  const hash = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${name.slice(0, longestName)}#${hash}`;
}

/** How long others wait for a task that is to be brief before they take its place, in ms, and a little more by chance. */
const patience = 5_000;
/** How long such a task may act, in ms: a tab that was frozen in it and wakes up must not go on. */
const allowance = 2_000;

/** `true` as long as a brief task may act: asked right before each thing that others rely on. */
export type Alive = () => boolean;

/**
 * Runs a task of a few milliseconds alone. Whoever freezes in it is not waited for: `alive` tells it, when it wakes up,
 * that it must not act any more.
 */
export async function briefly<T>(
  locks: LockManager,
  name: string,
  task: (alive: Alive) => Promise<T>,
): Promise<T> {
  await awake();
  const grip = await soon(locks, name);
  const start = performance.now();
  const alive = (): boolean => !grip.lost && performance.now() - start < allowance;
  try {
    return await task(alive);
  } finally {
    grip.release();
  }
}

async function soon(locks: LockManager, name: string): Promise<Grip> {
  const leaving = new AbortController();
  // By chance, so that of several who lose patience one comes first and the others see it.
  const timer = setTimeout(() => leaving.abort(), patience * (1 + Math.random()));
  try {
    return await take(locks, name, { signal: leaving.signal });
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
    return await take(locks, name, { steal: true });
  } finally {
    clearTimeout(timer);
  }
}
