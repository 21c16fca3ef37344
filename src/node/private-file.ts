/**
 * Files that only their owner can read: created private before they have any content, and refused if they are not.
 *
 * @module
 */
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  realpathSync,
  type Stats,
  statfsSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { isMountPoint } from './mounts.ts';
import { isNetworkFileSystem } from './network-file-systems.ts';

/** The reason for which a file is not used. The message names the remedy. */
export class UnusableFileError extends Error {}

/** Users that may read and write: the owner alone, or the members of its group as well. */
export type FileAccess = 'owner' | 'group';

/** Creates the directory if it is missing. Returns its path without symbolic links. */
export function ensurePrivateDirectory(path: string, access: FileAccess): string {
  const made = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (made !== undefined) chmodSync(path, 0o700); // sets the permissions that the umask has removed
  const directory = realpathSync(path);
  const stats = lstatSync(directory);
  if (isPosix) assertPrivate(directory, stats, access);
  if (isNetworkFileSystem(statfsSync(directory).type)) {
    throw new UnusableFileError(
      `${directory} is on a network file system, where locks and memory are not shared. Choose a path on a local disk.`,
    );
  }
  if (isPosix) assertNotReplaceable(directory);
  return directory;
}

function assertPrivate(directory: string, stats: Stats, access: FileAccess): void {
  if ((stats.mode & forbiddenModeBits(access)) !== 0) {
    if (isGroupVolume(stats)) throw groupAccessError(directory, stats);
    throw new UnusableFileError(
      // A directory that other users may write to belongs to them too. Its mode must not change, or /tmp would be
      // closed to them.
      (stats.mode & 0o022) === 0
        ? `Other users can read ${directory}. Run: chmod 700 ${shellQuoted(directory)} or choose a separate directory for the tokens.`
        : `Other users can write to ${directory}. Choose a separate directory for the tokens: it is created if it is missing.`,
    );
  }
  assertOwned(directory, stats, access);
}

/**
 * Throws if another user can replace the directory: a user who can write to a parent can put another directory in its place. In a
 * sticky parent, such as /tmp, only the owner can. The members of a group that can write to a parent are trusted.
 */
function assertNotReplaceable(directory: string): void {
  for (let parent = dirname(directory), last = directory; parent !== last; parent = dirname(parent)) {
    last = parent;
    const { mode, uid } = lstatSync(parent);
    if ((mode & 0o1002) === 0o002) {
      throw new UnusableFileError(
        `Every user can replace files in ${parent}. Run: chmod o-w ${shellQuoted(parent)} or choose another path.`,
      );
    }
    const own = process.getuid?.();
    // A process of root may run in a directory of the user who started it, as in development containers.
    if (own === 0 || uid === own || uid === 0 || uid === unmappedUserId || process.platform === 'android')
      continue;
    throw new UnusableFileError(
      `${parent} belongs to user ${uid}, who can replace files in it. Choose a path below a directory of user ${own}.`,
    );
  }
}

/** Creates an empty file and returns its inode, unless the file exists. The umask does not apply. */
export function createPrivateFile(path: string): number | undefined {
  let file: number;
  try {
    file = openSync(path, 'wx', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
  // Closed only here, where the file is new: closing any descriptor of a file drops all POSIX locks of this process on it.
  try {
    fchmodSync(file, 0o600);
    return fstatSync(file).ino;
  } finally {
    closeSync(file);
  }
}

/**
 * Identifies a file, to distinguish it from another one of the same name; `undefined` if the file does not exist.
 *
 * @throws UnusableFileError for a file that other users can access.
 */
export function fileIdentity(path: string, access: FileAccess): string | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (stats.isSymbolicLink()) {
    throw new UnusableFileError(`${path} is a symbolic link. Pass the path of the file itself.`);
  }
  if (!stats.isFile()) throw new UnusableFileError(`${path} is not a file. Choose another path.`);
  if (isPosix && (stats.mode & forbiddenModeBits(access)) !== 0) {
    const parent = lstatSync(dirname(path));
    if (isGroupVolume(parent) && (stats.mode & 0o007) === 0) throw groupAccessError(path, stats);
    assertOwned(path, stats, access);
    throw new UnusableFileError(
      `Others can read ${path}. Run: chmod 600 ${shellQuoted(path)} and, if they may have read it, sign in again.`,
    );
  }
  assertOwned(path, stats, access);
  const needed = isPosix && stats.uid !== process.getuid?.() ? 0o060 : 0o600;
  if ((stats.mode & needed) !== needed) {
    throw new UnusableFileError(`${path} is read-only. Run: chmod 600 ${shellQuoted(path)}`);
  }
  if (stats.nlink > 1) {
    throw new UnusableFileError(`${path} has a second name (a hard link). Remove the other one.`);
  }
  return `${stats.dev}:${stats.ino}`;
}

/**
 * Refuses a file that is a mount point. Containers mount single files too. The log beside such a file is not shared with other users
 * of the file, and is deleted with the container.
 */
export function assertNotMounted(path: string): void {
  if (lstatSync(dirname(path)).dev === lstatSync(path).dev && !isMountPoint(path)) return;
  throw new UnusableFileError(
    `${path} is mounted as a single file, so its log is in another place. Mount its directory instead.`,
  );
}

/** Windows has no such modes and owners: there a file is as private as its directory. */
const isPosix: boolean = globalThis.process?.getuid !== undefined;

/** The user id that stands for all users that a container cannot map. No process in the container can act as this user. */
const unmappedUserId = 65_534;

/** Returns the permission bits that must not be set. */
function forbiddenModeBits(access: FileAccess): number {
  return access === 'group' ? 0o007 : 0o077;
}

/** Checks for a directory of a volume that Kubernetes creates with `fsGroup`, which also changes its content at each start. */
function isGroupVolume({ mode, gid }: Stats): boolean {
  return (mode & 0o2077) === 0o2070 && isOurGroup(gid);
}

function groupAccessError(path: string, { gid }: Stats): UnusableFileError {
  return new UnusableFileError(
    `${path} is open to the group ${gid}, as Kubernetes makes volumes with fsGroup at each start. If no one else is in that group, ` +
      'pass allowGroup: true to fileStorage().',
  );
}

function isOurGroup(gid: number): boolean {
  return process.getgid?.() === gid || process.getgroups?.().includes(gid) === true;
}

function assertOwned(path: string, { uid, gid }: Stats, access: FileAccess): void {
  const own = process.getuid?.();
  if (own === undefined || uid === own || (access === 'group' && isOurGroup(gid))) return;
  throw new UnusableFileError(
    uid === unmappedUserId
      ? `${path} belongs to a user whom this container does not know. Map that user to ${own}, as podman does with --userns=keep-id, ` +
          'or choose another path.'
      : `${path} belongs to user ${uid}, and this process runs as user ${own}. Run it as ${uid}, or choose another path, such as a ` +
          'directory of its own in there.',
  );
}

/** Quotes a path for a shell. */
function shellQuoted(path: string): string {
  return /^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
