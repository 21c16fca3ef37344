/**
 * How a client proves who it is at the token and revocation endpoint (RFC 6749 §2.3).
 *
 * @module
 */

import { platformClock, withTimeout } from '../async/abortable.ts';
import { ConfigurationError } from '../core/errors.ts';
import type {
  AuthorizationServer,
  ClientAuthentication,
  UnauthenticatedRequest,
} from '../core/oauth/authorization-server.ts';
import type { CryptoKey } from '../core/platform-types.ts';
import { hasBrowserFetch } from '../platform/browser-fetch.ts';
import { subtleCrypto } from '../platform/web-crypto.ts';
import type { AddAssertion } from './client-assertion.ts';
import { readPem, requireSigningKey, type SigningAlgorithm } from './signing-key.ts';

/** A public client: it names itself and proves nothing. For everything that runs on a user's machine. */
export function none(): ClientAuthentication {
  return { method: 'none', authenticate: identify };
}

/** How {@link clientSecretBasic} writes what it sends. */
export interface BasicOptions {
  /**
   * `'form'` encodes id and secret first, as RFC 6749 §2.3.1 says; `'plain'` does not, as many servers expect. They
   * differ only for ids or secrets with other characters than letters, digits and `-._*`.
   *
   * @default 'form'
   */
  readonly encoding?: 'form' | 'plain' | undefined;
  /** `true`: `client_id` stands in the body as well, for servers that look for it there. @default false */
  readonly clientIdInBody?: boolean | undefined;
}

/** The client's secret in the `Authorization` header (RFC 6749 §2.3.1). */
export function clientSecretBasic(secret: string, options: BasicOptions = {}): ClientAuthentication {
  requireSecret('clientSecretBasic', secret);
  const encode = options.encoding === 'plain' ? (text: string) => text : formEncode;
  return {
    method: 'client_secret_basic',
    authenticate: ({ clientId, parameters, headers }) => {
      const bytes = new TextEncoder().encode(`${encode(clientId)}:${encode(secret)}`);
      headers.set('authorization', `Basic ${btoa(String.fromCharCode(...bytes))}`);
      if (options.clientIdInBody === true) parameters.set('client_id', clientId);
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
  return {
    method: 'client_secret_post',
    authenticate: (request) => {
      identify(request);
      request.parameters.set('client_secret', secret);
    },
  };
}

/** How a JWT that authenticates a client is made. */
export interface AssertionOptions {
  /**
   * Whom the JWT is for, its `aud`. Newer servers want their issuer, older ones the URL of their token endpoint:
   * `({ tokenEndpoint }) => tokenEndpoint`.
   *
   * @default the issuer; the token endpoint of a server that has none
   */
  readonly audience?: string | ((authorizationServer: AuthorizationServer) => string) | undefined;
}

/** A JWT signed with the client's secret (HS256), a new one for every request (RFC 7523 §2.2). */
export function clientSecretJwt(secret: string, options?: AssertionOptions): ClientAuthentication {
  requireSecret('clientSecretJwt', secret);
  return jwtAuthentication('client_secret_jwt', options, async () => {
    const { secretAssertion } = await import('./client-assertion.ts');
    return secretAssertion(secret);
  });
}

/** A private key with what a server may have to know of it. */
export interface ClientKey {
  /** The key, best one that cannot be exported; or the text of a PEM (PKCS #8, not encrypted). */
  readonly key: CryptoKey | string;
  /** Names the key for the server, where it knows several. */
  readonly kid?: string | undefined;
  /** What a PEM is for. @default RS256 for an RSA key, Ed25519 for what may be called EdDSA; other keys have one only */
  readonly algorithm?: SigningAlgorithm | undefined;
}

/**
 * A JWT signed with the client's private key, a new one for every request (RFC 7523 §2.2).
 *
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs';
 * import { discover, privateKeyJwt, TokenManager } from 'tokenkeep';
 *
 * const manager = new TokenManager({
 *   clientId: 'my-backend',
 *   clientAuthentication: privateKeyJwt({ key: readFileSync('key.pem', 'utf8'), kid: '2026-11' }),
 *   authorizationServer: discover('https://as.example.com'),
 *   protectedResources: ['https://api.example.com/'],
 * });
 * ```
 * @throws ConfigurationError for what is no private key. What a PEM turns out not to hold is one at the first request.
 */
export function privateKeyJwt(
  key: CryptoKey | string | ClientKey,
  options?: AssertionOptions,
): ClientAuthentication {
  const isMore = typeof key === 'object' && key !== null && 'key' in key;
  const { key: given, kid, algorithm }: ClientKey = isMore ? key : { key };
  const load = typeof given === 'string' ? readPem(given, algorithm) : async () => given;
  if (typeof given === 'string') warnInBrowser('privateKeyJwt');
  else requireSigningKey(given);
  return jwtAuthentication('private_key_jwt', options, async () => {
    const { keyAssertion } = await import('./client-assertion.ts');
    return keyAssertion(await load(), kid, algorithm);
  });
}

/**
 * The client's certificate, issued or self-signed, which the transport presents (RFC 8705 §2): to the endpoints in
 * `mtls_endpoint_aliases` where there are any, and to the protected resources, for tokens that are bound to it.
 *
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs';
 * import { discover, TokenManager, tlsClientAuth } from 'tokenkeep';
 * import { Agent } from 'undici'; // of the same major version as `process.versions.undici`
 *
 * const [cert, key] = [readFileSync('client.crt'), readFileSync('client.key')];
 * const dispatcher = new Agent({ connect: { cert, key } });
 *
 * const manager = new TokenManager({
 *   clientId: 'my-backend',
 *   clientAuthentication: tlsClientAuth(),
 *   authorizationServer: discover('https://as.example.com'),
 *   protectedResources: ['https://api.example.com/'],
 *   fetch: (input, init) => fetch(input, { ...init, dispatcher } as RequestInit),
 * });
 * ```
 */
export function tlsClientAuth(): ClientAuthentication {
  return { method: 'tls_client_auth', authenticate: identify, mutualTls: true };
}

/** The parameters of a public client, which most other clients send as well. */
function identify({ clientId, parameters }: UnauthenticatedRequest): void {
  parameters.set('client_id', clientId);
}

/** How long a key, or what signs with it, may take to load, in ms. */
const maxLoadMs = 30_000;

/** @param load what makes the assertions. Called when the first one is needed, and again if that failed. */
function jwtAuthentication(
  name: string,
  { audience }: AssertionOptions = {},
  load: () => Promise<AddAssertion>,
): ClientAuthentication {
  let loading: Promise<AddAssertion> | undefined;
  return {
    method: name,
    authenticate: async ({ clientId, authorizationServer, parameters, headers }) => {
      const { issuer, tokenEndpoint } = authorizationServer;
      const aud = typeof audience === 'function' ? audience(authorizationServer) : audience;
      subtleCrypto(name);
      // A load that hangs is dropped, so that later calls do not wait for it as well.
      loading ??= withTimeout({ clock: platformClock, timeout: maxLoadMs }, load).catch((error: unknown) => {
        loading = undefined;
        throw error;
      });
      await (await loading)(clientId, aud ?? issuer ?? tokenEndpoint, parameters, headers);
    },
  };
}

function requireSecret(name: string, secret: unknown): void {
  if (typeof secret !== 'string' || secret === '') {
    throw new ConfigurationError(`${name}(secret): the client secret is missing. Pass a non-empty string.`);
  }
  warnInBrowser(name);
}

let hasWarned = false;

/** A secret that is shipped is none (RFC 8252 §8.5). No reason to stop, and one to say so, once. */
function warnInBrowser(name: string): void {
  if (hasWarned || !hasBrowserFetch()) return;
  hasWarned = true;
  // biome-ignore lint/suspicious/noConsole: for who builds the page, at the moment when it is tried out
  console.warn(
    `tokenkeep: ${name}() in a browser. Whoever opens the page can read its secret, so it proves nothing. ` +
      'Register the application as a public client, use none(), and have the server revoke the secret.',
  );
}
