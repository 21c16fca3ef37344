/**
 * How a client proves who it is at the token and revocation endpoint (RFC 6749 §2.3).
 *
 * @module
 */
import {
  type ClientAuth,
  ClientSecretJwt,
  ClientSecretPost,
  None,
  type PrivateKey,
  PrivateKeyJwt,
  TlsClientAuth,
} from 'oauth4webapi';
import type { ClientAuthentication, UnauthenticatedRequest } from '../core/authorization-server.ts';
import { ConfigurationError } from '../core/errors.ts';

/** A public client: it names itself and proves nothing. For everything that runs on a user's machine. */
export function none(): ClientAuthentication {
  return method('none', None());
}

/**
 * The client's secret in the `Authorization` header (RFC 6749 §2.3.1).
 *
 * @param options.encoding - `'form'` encodes id and secret first, as the RFC says; `'plain'` does not, as many
 *   servers expect. They differ only for ids or secrets with other characters than letters, digits and `-._*`.
 *   @default 'form'
 */
export function clientSecretBasic(
  secret: string,
  options: { encoding?: 'form' | 'plain' } = {},
): ClientAuthentication {
  requireSecret('clientSecretBasic', secret);
  const encode = options.encoding === 'plain' ? (text: string) => text : formEncode;
  return {
    method: 'client_secret_basic',
    authenticate: ({ clientId, headers }) => {
      const bytes = new TextEncoder().encode(`${encode(clientId)}:${encode(secret)}`);
      headers.set('authorization', `Basic ${btoa(String.fromCharCode(...bytes))}`);
    },
  };
}

/**
 * RFC 6749 Appendix B. Not oauth4webapi's, which encodes `-`, `_`, `.` and `*` as well: servers that do not decode would
 * not know a `my-app` any more.
 */
function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}

/** The client's secret in the body (RFC 6749 §2.3.1). */
export function clientSecretPost(secret: string): ClientAuthentication {
  requireSecret('clientSecretPost', secret);
  return method('client_secret_post', ClientSecretPost(secret));
}

/** A JWT signed with the client's secret, a new one for every request (RFC 7523 §2.2). */
export function clientSecretJwt(secret: string): ClientAuthentication {
  requireSecret('clientSecretJwt', secret);
  return method('client_secret_jwt', ClientSecretJwt(secret));
}

/** A JWT signed with the client's private key, a new one for every request (RFC 7523 §2.2). */
export function privateKeyJwt(key: CryptoKey | { key: CryptoKey; kid?: string }): ClientAuthentication {
  return method('private_key_jwt', PrivateKeyJwt(key as CryptoKey | PrivateKey));
}

/** The client's certificate, which the transport presents (RFC 8705 §2). */
export function tlsClientAuth(): ClientAuthentication {
  return { ...method('tls_client_auth', TlsClientAuth()), mutualTls: true };
}

function method(name: string, auth: ClientAuth): ClientAuthentication {
  return {
    method: name,
    authenticate: ({ clientId, authorizationServer, parameters, headers }: UnauthenticatedRequest) => {
      const { issuer, tokenEndpoint } = authorizationServer;
      const server = { issuer: issuer ?? tokenEndpoint, token_endpoint: tokenEndpoint };
      return auth(server, { client_id: clientId }, parameters, headers);
    },
  };
}

function requireSecret(name: string, secret: unknown): void {
  if (typeof secret === 'string' && secret !== '') return;
  throw new ConfigurationError(`${name}(secret): the client secret is missing. Pass a non-empty string.`);
}
