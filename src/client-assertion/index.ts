/**
 * `tokenkeep/client-assertion`: clients that authenticate with a JWT, signed with their secret or private key. It loads where
 * there is a `TextDecoder`.
 *
 * @module tokenkeep/client-assertion
 */

export { type AssertionOptions, type ClientKey, clientSecretJwt, privateKeyJwt } from './client-assertion.ts';
export type { SigningAlgorithm } from './signing-key.ts';
