/**
 * Publishes the newest version of an item through the lock manager.
 *
 * `localStorage` is a copy in each process, brought up to date some milliseconds after another tab has written. So the tab
 * that is granted a lock does not yet see what the one before it has stored: in Chromium and Firefox one in six times.
 * All tabs share one lock manager, which keeps their requests in order. A writer holds a shared Web Lock whose name contains the
 * new version until the next version, and a reader compares the two. No timer releases the lock: applications that wait for their
 * timers, such as those with zone.js, would wait for it. Versions begin with the time, so a reader ignores an old one.
 *
 * @module
 */
import { acquireWebLock, toLockName } from './platform-locks.ts';

/** The newest published version, as a number that grows. */
export interface VersionLock {
  readonly order: number;
  /** `true`: the item was removed with it. */
  readonly removed: boolean;
}

/** Time for which a version counts, in ms: much longer than any tab takes to see it. */
const maxAgeMs = 10_000;

const nameOf = async (item: string, version: string): Promise<string> =>
  `tokenkeep.version:${await toLockName(item)}|${version}`;
const versionPattern = /^(\d+)\.[0-9a-f-]{36}(-?)$/;

/** Publishes the version of an item to all tabs. Resolves, once it is visible to them, with a function that withdraws it. */
export async function publishVersion(
  locks: LockManager,
  item: string,
  { version, removed }: { version: string; removed: boolean },
): Promise<() => void> {
  const name = await nameOf(item, removed ? `${version}-` : version);
  const lock = await acquireWebLock(locks, name, { mode: 'shared' });
  return lock.release;
}

/** Returns the newest published version of an item. */
export async function newestVersion(locks: LockManager, item: string): Promise<VersionLock | undefined> {
  const prefix = await nameOf(item, '');
  const { held = [] } = await locks.query();
  const oldest = Date.now() - maxAgeMs;
  let newest: VersionLock | undefined;
  for (const { name = '' } of held) {
    if (!name.startsWith(prefix)) continue;
    const [, digits, removed] = versionPattern.exec(name.slice(prefix.length)) ?? [];
    if (digits === undefined || Number(digits) < oldest || Number(digits) <= (newest?.order ?? -1)) continue;
    newest = { order: Number(digits), removed: removed === '-' };
  }
  return newest;
}

/** Returns the place of a version in the order of all versions of its item. */
export function versionOrder(version: string): number {
  return Number.parseInt(version, 10) || 0;
}
