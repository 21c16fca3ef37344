/**
 * `tokenkeep/testing/dialects`: well-known authorization servers, as options of the test server.
 *
 * @module
 */

export { dialects } from './dialects.ts';
