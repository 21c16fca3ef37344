/**
 * Describes a value that was passed in place of another one.
 *
 * @module
 */

import { isDevelopment } from './build-facts.ts';

/** Remedies for values that are nearly right. */
const remedies: Readonly<Record<string, string>> = {
  Function: ': call it',
  AsyncFunction: ': call it',
  Promise: ': await it',
  Response: ': await its json()',
  Storage: ': webStorage() makes one of it',
};

/** Describes the kind of a received value, for the end of a message. Never includes the value, because it may be a secret. */
export function describeReceived(value: unknown): string {
  if (!isDevelopment) return '';
  if (value === undefined || value === '') return ' There is none.';
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  return /^(Object|Array|Number)$/.test(kind) ? '' : ` This is a ${kind}${remedies[kind] ?? ''}.`;
}
