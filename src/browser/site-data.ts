/**
 * Whether the browser lets a page store anything.
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

/** Says why the browser refuses to store anything with a `SecurityError`, and what to do. */
export function siteDataRemedy(): string {
  return remedies[reason()];
}

/**
 * Finds out whether the browser refuses to store anything for this page or worker. A full disk, a database that hangs and any
 * other failure is no refusal.
 *
 * @returns `undefined` where it does not.
 * @throws StorageError if the browser does not answer.
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

/** How long the browser has to answer, in ms. */
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
