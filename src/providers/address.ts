/**
 * Addresses of authorization servers, made of what an application knows: a domain, and names in paths.
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { requireEndpoint } from '../core/http/endpoint.ts';

/**
 * The base of a server's URLs, without a slash at its end: `auth.example.com` and `https://auth.example.com/` are the same.
 *
 * @param name of the option, for the error: `reachfive({ domain })`
 * @throws ConfigurationError unless it is a host, or an https URL (http: only on loopback), without a query.
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
 * The base of a server that has nothing but its domain in front of its paths.
 *
 * @throws ConfigurationError unless it is a host, or the URL of one.
 */
export function origin(name: string, value: unknown): string {
  const base = baseUrl(name, value);
  if (base === new URL(base).origin) return base;
  throw new ConfigurationError(
    `${name} ${explain('server-address', 'must be a domain without a path: auth.example.com.')}`,
  );
}

/**
 * One segment of a path.
 *
 * @throws ConfigurationError for none, and for those that lead elsewhere.
 */
export function segment(name: string, value: unknown): string {
  if (typeof value === 'string' && !/^\.{0,2}$/.test(value)) return encodeURIComponent(value);
  throw new ConfigurationError(
    `${name} ${explain('server-address', 'must be a name that can stand in a path.')}`,
  );
}
