/**
 * A key in use, and the headers that are sent with its proofs (RFC 9449 §4, §5, §7).
 *
 * @module
 */

import { base64url, bytesOf } from '../core/base64url.ts';
import type { CredentialedRequest, RequestCredentials, Transmit } from '../core/http/request-credentials.ts';
import type { DpopKey, ProofRequest, ProvenTokenRequest } from '../core/oauth/dpop-key.ts';
import type { BuiltRequest } from '../core/oauth/grant.ts';
import type { CryptoKeyPair } from '../core/platform-types.ts';
import { randomBytes, subtleCrypto } from '../platform/web-crypto.ts';
import { absoluteUrl, type KnownServers } from './known-servers.ts';
import { type ProofError, proofErrorOfResource, proofErrorOfServer } from './proof-error.ts';
import { algorithmOf, type DpopAlgorithm, publicMembers, sha256, sign, thumbprintOf } from './signing.ts';

/** The part that is the same in every proof. */
interface ProofTemplate {
  readonly algorithm: DpopAlgorithm;
  /** The header of all proofs of this key, encoded. */
  readonly header: string;
  readonly servers: KnownServers;
}

export class WebCryptoDpopKey implements DpopKey {
  readonly thumbprint: string;
  readonly keys: CryptoKeyPair;
  readonly #template: ProofTemplate;
  /** The last access token and its hash, because many calls use the same token. */
  #hashed: { readonly accessToken: string; readonly hash: string } | undefined;

  private constructor(keys: CryptoKeyPair, thumbprint: string, template: ProofTemplate) {
    this.keys = keys;
    this.thumbprint = thumbprint;
    this.#template = template;
  }

  /** @returns `undefined` if the keys are not a key pair that can sign proofs. */
  static async of(keys: CryptoKeyPair, servers: KnownServers): Promise<WebCryptoDpopKey | undefined> {
    const algorithm = algorithmOf(keys.privateKey);
    if (algorithm === undefined) return undefined;
    const jwk = await subtleCrypto('dpop()').exportKey('jwk', keys.publicKey);
    const header = encodePart({ typ: 'dpop+jwt', alg: algorithm, jwk: publicMembers(jwk) });
    return new WebCryptoDpopKey(keys, await thumbprintOf(jwk), { algorithm, header, servers });
  }

  async prove(request: ProofRequest): Promise<string> {
    const { algorithm, header, servers } = this.#template;
    const { method, url, accessToken, now = Date.now() } = request;
    const known = servers.get(request);
    const { origin, pathname } = absoluteUrl(url);
    const claims = {
      jti: base64url(randomBytes(16)),
      htm: normalizeMethod(method),
      htu: origin + pathname,
      iat: Math.floor((now + (known.clockOffset ?? 0)) / 1000),
      ath: accessToken === undefined ? undefined : await this.#hashOf(accessToken),
      nonce: request.nonce ?? known.nonce,
    };
    const content = `${header}.${encodePart(claims)}`;
    return `${content}.${await sign(content, this.keys.privateKey, algorithm)}`;
  }

  readonly credentials: RequestCredentials = {
    needsProof: true,
    attach(init, accessToken, proof = '') {
      const headers = new Headers(init.headers);
      headers.set('authorization', `DPoP ${accessToken}`);
      headers.set('dpop', proof); // replaces a header of the caller
      init.headers = headers;
    },
    send: (request, accessToken, transmit, now) => this.#send(request, accessToken, transmit, now),
  };

  async #send(
    { method, url, kind }: CredentialedRequest,
    accessToken: string,
    transmit: Transmit,
    now: () => number,
  ): Promise<Response> {
    const proofRequest: ProofRequest = {
      verifier: 'protected resource',
      method,
      url,
      accessToken,
      now: now(),
    };
    const first = await transmit(await this.prove(proofRequest));
    const retry = this.#onResourceResponse(proofRequest, first);
    if (retry === undefined || kind === 'one-shot') return first;
    first.body?.cancel().catch(() => undefined);
    const second = await transmit(await this.prove({ ...retry, now: now() }), true);
    this.#onResourceResponse(proofRequest, second);
    return second;
  }

  async request(make: () => Promise<BuiltRequest>, now: () => number): Promise<ProvenTokenRequest> {
    const request = await make();
    const secrets: string[] = [];
    const proven = async (built: BuiltRequest, proofRequest: ProofRequest): Promise<BuiltRequest> => {
      const headers = new Headers(built.init.headers);
      const proof = await this.prove(proofRequest);
      headers.set('dpop', proof);
      secrets.push(...built.secrets, proof);
      return { ...built, secrets, init: { ...built.init, headers } };
    };
    const { url } = request;
    const proofRequest: ProofRequest = { verifier: 'authorization server', method: 'POST', url, now: now() };
    return {
      ...(await proven(request, proofRequest)),
      onResponse: (response, headers) => {
        const retry = this.#onResponse(proofRequest, headers, proofErrorOfServer(response));
        return retry && (async () => await proven(await make(), { ...retry, now: now() }));
      },
    };
  }

  #onResourceResponse(proofRequest: ProofRequest, response: Response): ProofRequest | undefined {
    // The platform followed a redirect: another URL has responded, for which the proof was not made.
    if (response.redirected) return undefined;
    try {
      return this.#onResponse(proofRequest, response.headers, proofErrorOfResource(response));
    } catch {
      return undefined; // the page cannot read the nonce: the caller gets the response
    }
  }

  /**
   * Reads a response: the nonce that the server requires next and, if it rejects the proof, the server's time.
   *
   * @returns the proof for sending the request once more; `undefined` if it would be the same again.
   */
  #onResponse(
    proofRequest: ProofRequest,
    headers: Headers,
    proofError: ProofError | undefined,
  ): ProofRequest | undefined {
    const { servers } = this.#template;
    const nonce = headers.get('dpop-nonce') ?? undefined;
    if (nonce !== undefined) servers.storeNonce(proofRequest, nonce);
    if (proofError === undefined) return undefined;
    const wasOff = servers.updateClock(proofRequest, headers.get('date'));
    if (proofError === 'invalid_dpop_proof') return wasOff ? { ...proofRequest, nonce } : undefined;
    // The nonce of this very response: another call may have received a newer one since.
    if (nonce !== undefined) return { ...proofRequest, nonce };
    throw new Error(
      'The server requires a DPoP nonce but the page cannot read it. The server must list DPoP-Nonce in Access-Control-Expose-Headers.',
    );
  }

  async #hashOf(accessToken: string): Promise<string> {
    if (this.#hashed?.accessToken !== accessToken) {
      this.#hashed = { accessToken, hash: await sha256(accessToken) };
    }
    return this.#hashed.hash;
  }
}

function encodePart(value: object): string {
  return base64url(bytesOf(JSON.stringify(value)));
}

/** Normalizes a method as `fetch` does: these in any case, others are sent unchanged. */
function normalizeMethod(method: string): string {
  return /^(?:delete|get|head|options|post|put)$/i.test(method) ? method.toUpperCase() : method;
}
