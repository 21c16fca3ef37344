/**
 * Sessions that are bound to a key.
 *
 * @module
 */

import { ConfigurationError, isTokenKeepError, StorageError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { safeCause } from '../core/http/network-error.ts';
import { type Dpop, type DpopKey, isKeyPair, type KeyStorage } from '../core/oauth/dpop-key.ts';
import type { StorageOperation } from '../core/stored-record.ts';
import { KnownServers } from './known-servers.ts';
import { memoryKeys } from './memory-keys.ts';
import { type DpopAlgorithm, generateKeys, isAlgorithm } from './signing.ts';
import { WebCryptoDpopKey } from './web-crypto-dpop-key.ts';

/** Options of {@link dpop}. */
export interface DpopOptions {
  /**
   * Storage for the keys. It must reach as far as the storage of the sessions. `indexedDbKeys()` of `tokenkeep/browser` keeps
   * keys that no script can export; {@link exportedKeys} is for storages of text.
   *
   * @default memoryKeys()
   */
  readonly keys?: KeyStorage | undefined;
  /** Algorithm of the proofs. The server lists those it supports in `dpop_signing_alg_values_supported`. @default 'ES256' */
  readonly algorithm?: DpopAlgorithm | undefined;
  /**
   * **Weakens the protection.** `true`: accepts sessions with bearer tokens, from logins before DPoP or from a server that did
   * not bind the tokens. A session that is bound stays bound.
   *
   * @default false: bearer tokens are refused
   */
  readonly acceptBearer?: boolean | undefined;
}

/**
 * Binds every session to its own key, which the server never receives (DPoP, RFC 9449). Each request proves that its
 * sender has the key, so a token that was stolen in transit, from a log or from an API is useless without it. DPoP
 * does not stop a malicious script in the page, which can request signatures like the page itself.
 *
 * A login generates the key, and the session's record contains its thumbprint. Every request has a new proof with the latest nonce
 * of the server (RFC 9449 §8). A request whose proof was refused is sent once more, without a refresh. If the key is lost, calls
 * reject with a `LoginRequiredError` with the reason `no_key`, before anything is sent.
 *
 * For pages of another origin the servers must expose their nonces: `Access-Control-Expose-Headers: DPoP-Nonce,
 * WWW-Authenticate`.
 *
 * @example
 * ```ts
 * import { discover, TokenManager } from 'tokenkeep';
 * import { indexedDbKeys, indexedDbStorage } from 'tokenkeep/browser';
 * import { dpop } from 'tokenkeep/dpop';
 * import { popupLogin } from 'tokenkeep/login';
 *
 * const client = {
 *   clientId: 'my-app',
 *   authorizationServer: discover('https://auth.example.com'),
 *   dpop: dpop({ keys: indexedDbKeys() }), // the same one for the manager and its logins
 * };
 * const manager = new TokenManager({
 *   ...client,
 *   protectedResources: ['https://api.example.com/'],
 *   storage: indexedDbStorage(),
 * });
 *
 * async function signIn(): Promise<void> {
 *   const login = await popupLogin({ ...client, redirectUri: 'https://app.example.com/popup-callback' });
 *   await manager.setTokens(login.tokens);
 * }
 * ```
 *
 * @example A login of your own
 * ```ts
 * import { TokenManager } from 'tokenkeep';
 * import { dpop } from 'tokenkeep/dpop';
 *
 * const possession = dpop();
 * const url = 'https://auth.example.com/token';
 *
 * async function exchange(manager: TokenManager, body: URLSearchParams): Promise<void> {
 *   const key = await possession.generate();
 *   await possession.keep(key); // the key must be stored before tokens are bound to it
 *   const proof = await key.prove({ verifier: 'authorization server', method: 'POST', url });
 *   const response = await fetch(url, { method: 'POST', headers: { DPoP: proof }, body });
 *   await manager.setTokens({ ...(await response.json()), dpop_jkt: key.thumbprint });
 * }
 * ```
 * @throws ConfigurationError for unknown or invalid options.
 * @see RFC 9449
 */
export function dpop(options: DpopOptions = {}): Dpop {
  const { keys = memoryKeys(), algorithm = 'ES256', acceptBearer = false } = options;
  checkOptions(options, keys, algorithm);
  const servers = new KnownServers();
  const self: Dpop = {
    reach: keys.reach,
    allowsBearerTokens: acceptBearer,
    explainTokenType: (scheme) => remedies[scheme],
    async createSessionKey() {
      if (acceptBearer) return {};
      const key = await self.generate();
      await self.keep(key);
      return { thumbprint: key.thumbprint };
    },
    async generate() {
      try {
        const pair = await generateKeys(algorithm, keys.exports === true);
        return (await WebCryptoDpopKey.of(pair, servers)) as DpopKey;
      } catch (cause) {
        if (isTokenKeepError(cause)) throw cause;
        throw new ConfigurationError(
          `dpop(): this platform cannot generate a key for ${algorithm}. Set the option algorithm to another one.`,
          { cause: safeCause(cause, []) },
        );
      }
    },
    async keep(key) {
      if (!(key instanceof WebCryptoDpopKey))
        throw new TypeError('keep(key): the key was not made by generate().');
      await inKeyStorage('write', () => keys.write(key.thumbprint, key.keys));
    },
    async load(thumbprint) {
      return await inKeyStorage('read', async () => {
        const pair = await keys.read(thumbprint);
        const key = isKeyPair(pair) ? await WebCryptoDpopKey.of(pair, servers) : undefined;
        return key?.thumbprint === thumbprint ? key : undefined;
      });
    },
    forget: (thumbprint) => inKeyStorage('delete', () => keys.delete(thumbprint)),
  };
  return self;
}

/** Converts the errors of a key storage to a `StorageError`. */
async function inKeyStorage<T>(operation: StorageOperation, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (isTokenKeepError(error)) throw error;
    throw new StorageError(
      `dpop(): the storage of the option keys failed to ${operation} a key. Fix it, then try again.`,
      { operation, cause: safeCause(error, []) },
    );
  }
}

const remedies: Readonly<Record<'Bearer' | 'DPoP', string>> = {
  Bearer:
    'the server issued bearer tokens, which no key protects. Send a DPoP proof with the token request of the login, or accept them with dpop({ acceptBearer: true }).',
  DPoP: 'the key of the DPoP tokens is not stored here. Log in with the same dpop(), keep() its key, and pass its thumbprint: TokenSet.thumbprint, or dpop_jkt beside a token response.',
};

function checkOptions(options: DpopOptions, keys: KeyStorage, algorithm: unknown): void {
  const unknown = Object.keys(options).find((name) => !['keys', 'algorithm', 'acceptBearer'].includes(name));
  if (unknown !== undefined) {
    throw new ConfigurationError(
      explain(
        'dpop-options',
        `dpop(): there is no option ${unknown}. It takes keys, algorithm and acceptBearer.`,
      ),
    );
  }
  if (!isAlgorithm(algorithm)) {
    throw new ConfigurationError(
      explain('dpop-options', 'dpop(): the option algorithm must be ES256, ES384, PS256 or RS256.'),
    );
  }
  const methods = [keys?.read, keys?.write, keys?.delete];
  if (!methods.every((method) => typeof method === 'function') || typeof keys.reach !== 'string') {
    throw new ConfigurationError(
      explain(
        'dpop-options',
        'dpop(): the option keys must be memoryKeys(), exportedKeys(storage), indexedDbKeys(), or an object with their methods.',
      ),
    );
  }
}
