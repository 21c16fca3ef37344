/**
 * URLs to which secrets may be sent.
 *
 * @module
 */

import { ConfigurationError } from '../errors.ts';
import { explain } from '../explain.ts';
import { hasUserInfo, parseUrl } from './url.ts';

/**
 * Checks whether a host name is this machine, so that requests to it do not leave the machine. A name under `localhost` counts if
 * the platform resolves it itself, as browsers with secure contexts do. On other platforms a name server may resolve it: RFC 6761
 * §6.3 only recommends against such queries.
 */
export function isLoopback(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/\.$/, '');
  if (host === 'localhost' || host === '[::1]') return true;
  if (/[^.]\.localhost$/.test(host)) return 'isSecureContext' in globalThis;
  return /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** Checks whether requests to a URL are protected in transit: it is https, or http on loopback. */
export function isSecureUrl({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}

/**
 * Checks an endpoint of an authorization server (RFC 6749 §3.1, §3.2).
 *
 * @throws ConfigurationError that names `option`, unless it is an absolute https URL, or http on loopback, without
 *   user information and fragment.
 */
export function requireEndpoint(option: string, value: unknown): void {
  const problem = findProblem(value);
  if (problem !== undefined) throw new ConfigurationError(`${option} ${problem}`);
}

function findProblem(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '') {
    return explain('endpoint-url', 'is missing. Set it to an absolute https URL.');
  }
  const url = parseUrl(value);
  if (url === null) return explain('endpoint-url', 'is not an absolute URL. Write it as https://….');
  if (!isSecureUrl(url)) {
    return explain('endpoint-url', 'must be https: (http: only on loopback, for development).');
  }
  if (hasUserInfo(url) || value.includes('#')) {
    return explain('endpoint-url', 'must have neither user information nor a fragment.');
  }
  return undefined;
}
