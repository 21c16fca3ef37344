/**
 * JWTs that authenticate a client (RFC 7523 §2.2), made by oauth4webapi. Loaded when one is needed: oauth4webapi does not
 * load where there is no `TextDecoder`, and public clients do not need it.
 *
 * @module
 */
import { type ClientAuth, ClientSecretJwt, modifyAssertion, PrivateKeyJwt } from 'oauth4webapi';
import type { CryptoKey } from '../core/platform-types.ts';
import type { SigningAlgorithm } from './signing-key.ts';

/** Adds the members of an assertion to the body of a request. */
export type AddAssertion = (
  clientId: string,
  audience: string,
  parameters: URLSearchParams,
  headers: Headers,
) => Promise<void>;

/** Signed with the client's secret (HS256). */
export function secretAssertion(secret: string): AddAssertion {
  return addAssertionWith(ClientSecretJwt(secret));
}

/** Signed with the client's private key. */
export function keyAssertion(
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
