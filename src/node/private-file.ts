/**
 * Files that nobody but their owner can read: made so before they have any content, and refused when they are not.
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
import { isNetworkFileSystem } from './network-file-systems.ts';

/** Why a file is not used. The message names the remedy. */
export class Refusal extends Error {}

/** The directory, made if it is missing, as its own name without symbolic links. */
export function privateDirectory(path: string): string {
  const made = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (made !== undefined) chmodSync(path, 0o700); // whatever the umask has taken away
  const directory = realpathSync(path);
  const stats = lstatSync(directory);
  mustBeOurs(directory, stats);
  if (isPosix && (stats.mode & 0o077) !== 0) {
    throw new Refusal(
      // What others may write into is theirs as well: nobody is to take /tmp away from them.
      (stats.mode & 0o022) === 0
        ? `Others can look into ${directory}. Run: chmod 700 ${quoted(directory)} or give the tokens a directory of their own.`
        : `Others can use ${directory}. Give the tokens a directory of their own: it is made if it is missing.`,
    );
  }
  if (isNetworkFileSystem(statfsSync(directory).type)) {
    throw new Refusal(
      `${directory} is on a network file system, where locks and memory are not shared. Choose a path on a local disk.`,
    );
  }
  return directory;
}

/** Makes an empty file, and tells its inode, unless there is one. The umask has no say. */
export function makePrivateFile(path: string): number | undefined {
  let file: number;
  try {
    file = openSync(path, 'wx', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
  // Only ever closed here, where it is new: closing any descriptor of a file drops all POSIX locks of this process on it.
  try {
    fchmodSync(file, 0o600);
    return fstatSync(file).ino;
  } finally {
    closeSync(file);
  }
}

/**
 * Which file it is, so that another one of the same name is told from it; `undefined` if there is none.
 *
 * @throws Refusal for a file that is not ours alone.
 */
export function identityOf(path: string): string | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (stats.isSymbolicLink()) {
    throw new Refusal(`${path} is a symbolic link. Give the path of the file itself.`);
  }
  if (!stats.isFile()) throw new Refusal(`${path} is not a file. Choose another path.`);
  mustBeOurs(path, stats);
  if (isPosix && (stats.mode & 0o077) !== 0) {
    throw new Refusal(
      `Others can read ${path}. Run: chmod 600 ${quoted(path)} and, if they may have read it, sign in again.`,
    );
  }
  if ((stats.mode & 0o600) !== 0o600) {
    throw new Refusal(`${path} is read-only. Run: chmod 600 ${quoted(path)}`);
  }
  if (stats.nlink > 1) {
    throw new Refusal(`${path} has a second name (a hard link). Remove the other one.`);
  }
  return `${stats.dev}:${stats.ino}`;
}

/** Windows has no modes and no owners of this kind: there a file is as private as its directory. */
const isPosix: boolean = globalThis.process?.getuid !== undefined;

function mustBeOurs(path: string, { uid }: Stats): void {
  const own = process.getuid?.();
  if (own === undefined || uid === own) return;
  throw new Refusal(
    `${path} belongs to user ${uid}, and this process runs as user ${own}. Run it as ${uid}, or choose another path.`,
  );
}

/** As a shell takes it. */
function quoted(path: string): string {
  return /^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
