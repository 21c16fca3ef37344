/**
 * `tokenkeep/client-authentication`: clients that authenticate with a secret or a certificate, and tokens for the client itself.
 *
 * @module tokenkeep/client-authentication
 */

export { type ClientCredentialsOptions, clientCredentials } from './client-credentials.ts';
export { type BasicOptions, clientSecretBasic, clientSecretPost } from './client-secret.ts';
export { tlsClientAuth } from './tls-client-auth.ts';
