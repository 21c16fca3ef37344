/**
 * Describes a value that was passed in place of another one.
 *
 * @module
 */

import { isDevelopment } from './build-facts.ts';

/** What to do with what is nearly right. */
const remedies: Readonly<Record<string, string>> = {
  Function: ': call it',
  AsyncFunction: ': call it',
  Promise: ': await it',
  Response: ': await its json()',
  Storage: ': webStorage() makes one of it',
};

/** Ends a message with the kind of what was given, where that says something. Never with the value: it may be a secret. */
export function describeReceived(value: unknown): string {
  if (!isDevelopment) return '';
  if (value === undefined || value === '') return ' There is none.';
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  return /^(Object|Array|Number)$/.test(kind) ? '' : ` This is a ${kind}${remedies[kind] ?? ''}.`;
}
