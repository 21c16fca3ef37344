/**
 * Checks whether the browser allows a page to store data.
 *
 * @module
 */
import type { StorageUnavailableReason } from '../core/contracts.ts';
import { StorageError } from '../core/errors.ts';

/** Advice for each reason why site data is unavailable. */
const remedies: Readonly<Record<StorageUnavailableReason, string>> = {
  'site data blocked':
    'The browser blocks site data for this page: its user or a policy does, or the page is a frame of another site. Allow site ' +
    'data, or keep sessions in memory there: whereAllowed(indexedDbStorage(), memoryStorage()).',
  'opaque origin':
    'This page has no origin, as in a sandboxed frame, so the browser stores nothing for it. Add allow-same-origin to ' +
    "the frame's sandbox, or keep sessions in memory there: whereAllowed(indexedDbStorage(), memoryStorage()).",
};

/** Returns the cause for which the browser blocks storing data with a `SecurityError`, and the remedy. */
export function siteDataRemedy(): string {
  return remedies[reason()];
}

/**
 * Returns the reason for which the browser blocks storing data for this page or worker. A full disk, a database that hangs and any
 * other failure does not count as blocked.
 *
 * @returns `undefined` if storing data is allowed.
 * @throws StorageError if the browser does not respond.
 */
export async function siteDataUnavailableReason(): Promise<StorageUnavailableReason | undefined> {
  return (await isRefused()) ? reason() : undefined;
}

function reason(): StorageUnavailableReason {
  return (globalThis as { origin?: string }).origin === 'null' ? 'opaque origin' : 'site data blocked';
}

async function isRefused(): Promise<boolean> {
  try {
    const page = globalThis as { document?: Document; localStorage?: Storage; navigator?: Navigator };
    // Chromium refuses a database with an `UnknownError`. Other kinds of site data fail with a `SecurityError`, which is clear.
    if (page.document !== undefined) void page.localStorage;
    else await withTimeout(page.navigator?.locks?.query());
    return false;
  } catch (error) {
    if ((error as { name?: unknown } | null)?.name === 'SecurityError') return true;
    if (error instanceof StorageError) throw error;
    return false;
  }
}

/** Time limit for the browser's response, in ms. */
const queryTimeoutMs = 5_000;

function withTimeout(query: Promise<unknown> | undefined): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const late = (): void => {
      const what = `The browser does not answer within ${queryTimeoutMs} ms whether it stores anything for this page. Try again.`;
      reject(new StorageError(what, { operation: 'read' }));
    };
    const timer = setTimeout(late, queryTimeoutMs);
    Promise.resolve(query)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}
