/**
 * `tokenkeep/ky`: ky for protected resources.
 *
 * @module
 */
export { type AuthorizedFetch, authorizedKy } from './authorized-ky.ts';
