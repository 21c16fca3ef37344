/**
 * `tokenkeep/ky`: ky for protected resources.
 *
 * @module
 */
export { authorizedKy, type FetchingManager } from './authorized-ky.ts';
