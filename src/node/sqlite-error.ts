/**
 * Explains what is wrong with the file, and how to fix it.
 *
 * @module
 */
import { StorageError } from '../core/errors.ts';
import type { StorageOperation } from '../core/stored-record.ts';
import { UnusableFileError } from './private-file.ts';
import { resultCodeOf } from './sqlite.ts';

/** Causes by the result codes of SQLite (https://sqlite.org/rescode.html). */
const sqliteCauses: Readonly<Record<number, string>> = {
  5: 'is busy. Look for a process that was stopped while it wrote',
  6: 'is busy. Look for a process that was stopped while it wrote',
  8: 'is read-only. Make it and its directory writable',
  10: 'could not be read or written. Look at the disk: is it full, over quota, damaged, or mounted read-only?',
  11: 'is damaged. Delete it and sign in again',
  13: 'could not grow: the disk is full. Make room',
  14: 'could not be opened. Look at its directory and at the limit of open files',
  26: 'is not a file of tokenkeep. Choose another path, or delete it and sign in again',
};

/** Causes by the codes of the operating system. */
const systemCauses: Readonly<Record<string, string>> = {
  EACCES: 'may not be touched by this user. Make it and its directory writable',
  EPERM: 'may not be touched by this user. Make it and its directory writable',
  EROFS: 'is on a read-only file system. Choose another path',
  ENOSPC: 'could not be made: the disk is full. Make room',
  EDQUOT: 'could not be made: the quota is used up. Make room',
  ENOTDIR: 'is below a path that is not a directory. Choose another path',
  EEXIST: 'is below a path that is not a directory. Choose another path',
  EMFILE: 'could not be opened: too many files are open. Raise the limit',
  ENFILE: 'could not be opened: too many files are open. Raise the limit',
};

/** Converts a failure to the error of a storage. Neither it nor its cause contains any part of a record. */
export function toStorageError(error: unknown, operation: StorageOperation, path: string): StorageError {
  if (error instanceof StorageError) return error;
  if (error instanceof UnusableFileError) return new StorageError(error.message, { operation });
  const code = resultCodeOf(error);
  const system = String((error as { code?: unknown } | null)?.code);
  const problem =
    (code === undefined ? systemCauses[system] : sqliteCauses[code]) ?? `could not be used to ${operation}`;
  return new StorageError(`${path} ${problem}.`.replace('?.', '?'), { operation, cause: error });
}
