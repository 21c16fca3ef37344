/**
 * Mount points of the file system.
 *
 * @module
 */
import { readFileSync } from 'node:fs';

/** Checks whether a path is a mount point. Only Linux reports that; elsewhere it returns `false`. */
export function isMountPoint(path: string): boolean {
  let mounts: string;
  try {
    mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return false; // another system, or one that does not report it
  }
  return mounts.split('\n').some((line) => unescaped(line.split(' ')[4] ?? '') === path);
}

/** Decodes a path: the kernel writes blanks and backslashes as octal numbers. */
function unescaped(place: string): string {
  return place.replaceAll(/\\([0-7]{3})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 8)),
  );
}
