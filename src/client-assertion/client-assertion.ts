/**
 * JWTs that authenticate a client (RFC 7523 §2.2), made by oauth4webapi, which does not load where there is no `TextDecoder`.
 *
 * @module
 */

import { type ClientAuth, ClientSecretJwt, modifyAssertion, PrivateKeyJwt } from 'oauth4webapi';
import { platformClock, withTimeout } from '../async/abortable.ts';
import type { AuthorizationServer, ClientAuthentication } from '../core/oauth/authorization-server.ts';
import type { CryptoKey } from '../core/platform-types.ts';
import { subtleCrypto } from '../platform/web-crypto.ts';
import { requireSecret, warnInBrowser } from '../token-endpoint/secret-in-browser.ts';
import { readPem, requireSigningKey, type SigningAlgorithm } from './signing-key.ts';

/** Options of a JWT that authenticates a client. */
export interface AssertionOptions {
  /**
   * Audience of the JWT, its `aud`. Newer servers require their issuer, older ones the URL of their token
   * endpoint: `({ tokenEndpoint }) => tokenEndpoint`.
   *
   * @default the issuer; the token endpoint of a server that has none
   */
  readonly audience?: string | ((authorizationServer: AuthorizationServer) => string) | undefined;
}

/**
 * Returns the authentication with a JWT that is signed with the client's secret (HS256), a new one for every request
 * (RFC 7523 §2.2).
 *
 * @throws ConfigurationError if `secret` is not a non-empty string.
 */
export function clientSecretJwt(secret: string, options?: AssertionOptions): ClientAuthentication {
  requireSecret('clientSecretJwt', secret);
  return jwtAuthentication('client_secret_jwt', options, () => secretAssertion(secret));
}

/** Private key of the client, with its id and algorithm. */
export interface ClientKey {
  /** Key, preferably not extractable, or the text of a PEM (PKCS #8, not encrypted). */
  readonly key: CryptoKey | string;
  /** Id of the key, for a server at which several keys of this client are registered. */
  readonly kid?: string | undefined;
  /**
   * Algorithm of a PEM. @default RS256 for an RSA key, Ed25519 for a key that may be called EdDSA; other keys have
   * only one
   */
  readonly algorithm?: SigningAlgorithm | undefined;
}

/**
 * Returns the authentication with a JWT that is signed with the client's private key, a new one for every request
 * (RFC 7523 §2.2).
 *
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs';
 * import { discover, TokenManager } from 'tokenkeep';
 * import { privateKeyJwt } from 'tokenkeep/client-assertion';
 *
 * const manager = new TokenManager({
 *   clientId: 'my-backend',
 *   clientAuthentication: privateKeyJwt({ key: readFileSync('key.pem', 'utf8'), kid: '2026-11' }),
 *   authorizationServer: discover('https://as.example.com'),
 *   protectedResources: ['https://api.example.com/'],
 * });
 * ```
 * @throws ConfigurationError if `key` is not a private key, and for an unknown `algorithm`. A key that the platform cannot import
 *   from its PEM rejects the first request instead.
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
  return jwtAuthentication('private_key_jwt', options, async () =>
    keyAssertion(await load(), kid, algorithm),
  );
}

/** Time limit for loading a key, in ms. */
const maxLoadMs = 30_000;

/** Returns the authentication. @param load creates the signer: called for the first assertion, and again if that failed. */
function jwtAuthentication(
  name: string,
  { audience }: AssertionOptions = {},
  load: () => AddAssertion | Promise<AddAssertion>,
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

/** Adds the members of an assertion to the body of a request. */
type AddAssertion = (
  clientId: string,
  audience: string,
  parameters: URLSearchParams,
  headers: Headers,
) => Promise<void>;

/** Returns the signer with the client's secret (HS256). */
function secretAssertion(secret: string): AddAssertion {
  return addAssertionWith(ClientSecretJwt(secret));
}

/** Returns the signer with the client's private key. */
function keyAssertion(
  key: CryptoKey,
  kid: string | undefined,
  algorithm: SigningAlgorithm | undefined,
): AddAssertion {
  const rename = (header: Record<string, unknown>) => {
    if (algorithm === 'EdDSA') header['alg'] = algorithm;
  };
  return addAssertionWith(
    PrivateKeyJwt({ key, ...(kid !== undefined && { kid }) }, { [modifyAssertion]: rename }),
  );
}

function addAssertionWith(authenticate: ClientAuth): AddAssertion {
  return async (clientId, audience, parameters, headers) => {
    // oauth4webapi uses `issuer` only as the audience of the JWT.
    await authenticate({ issuer: audience }, { client_id: clientId }, parameters, headers);
  };
}
