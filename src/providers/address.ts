/**
 * Addresses of authorization servers, built from a domain and names in paths.
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { requireEndpoint } from '../core/http/endpoint.ts';

/**
 * Returns the base of a server's URLs, without a slash at its end: `auth.example.com` and `https://auth.example.com/` are the same.
 *
 * @param name name of the option for the error: `reachfive({ domain })`
 * @throws ConfigurationError unless `value` is a host, or an https URL (http: only on loopback), without a query.
 */
export function baseUrl(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') {
    throw new ConfigurationError(
      `${name} ${explain('server-address', 'is missing. Pass the domain of the server: auth.example.com.')}`,
    );
  }
  const written = /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `https://${value}`;
  requireEndpoint(name, written);
  const { origin, pathname } = new URL(written);
  if (/[?\\]|\/\//.test(written.replace('://', ''))) {
    throw new ConfigurationError(
      `${name} ${explain('server-address', 'must be a domain, or a URL without a query: https://auth.example.com.')}`,
    );
  }
  return origin + pathname.replace(/\/$/, '');
}

/**
 * Returns the base of a server whose URLs have only the domain in front of their paths.
 *
 * @throws ConfigurationError unless `value` is a host, or the URL of one.
 */
export function origin(name: string, value: unknown): string {
  const base = baseUrl(name, value);
  if (base === new URL(base).origin) return base;
  throw new ConfigurationError(
    `${name} ${explain('server-address', 'must be a domain without a path: auth.example.com.')}`,
  );
}

/**
 * Returns one segment of a path.
 *
 * @throws ConfigurationError for an empty segment, and for one that leads elsewhere.
 */
export function segment(name: string, value: unknown): string {
  if (typeof value === 'string' && !/^\.{0,2}$/.test(value)) return encodeURIComponent(value);
  throw new ConfigurationError(
    `${name} ${explain('server-address', 'must be a name that can stand in a path.')}`,
  );
}
