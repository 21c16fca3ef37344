/**
 * The key that the tokens of a login are bound to (RFC 9449), where the login has the option `dpop`.
 *
 * @module
 */

import { withTimeout } from '../async/abortable.ts';
import { isTokenKeepError, LoginFailedError, StorageError } from '../core/errors.ts';
import { safeCause } from '../core/http/network-error.ts';
import type { DpopKey, ProvenTokenRequest } from '../core/oauth/dpop-key.ts';
import type { BuiltRequest } from '../core/oauth/grant.ts';
import type { Login } from './login.ts';
import type { LoginClient } from './login-options.ts';

/**
 * Loads the key of a login by its thumbprint. Returns `undefined` if the login began without a key.
 *
 * @throws LoginFailedError `no_key` if it is lost, StorageError if it cannot be read at the moment.
 */
export async function loadLoginKey(
  client: LoginClient,
  thumbprint: string | undefined,
): Promise<DpopKey | undefined> {
  if (thumbprint === undefined) return await createLoginKey(client);
  const dpopKey = await inKeyStorage(client, 'read', async () => await client.dpop?.load(thumbprint));
  if (dpopKey !== undefined) return dpopKey;
  const message = 'The key of the login is gone. Start the login again.';
  throw new LoginFailedError(message, { reason: 'no_key' });
}

/** Creates a key for a login, durable before tokens are requested with it. Returns `undefined` without `dpop`. @throws StorageError */
export async function createLoginKey(client: LoginClient): Promise<DpopKey | undefined> {
  const dpopKey = await client.dpop?.generate();
  if (dpopKey !== undefined) await storeLoginKey(client, dpopKey);
  return dpopKey;
}

/** Stores a key durably. @throws StorageError */
export async function storeLoginKey(client: LoginClient, dpopKey: DpopKey): Promise<void> {
  await inKeyStorage(client, 'write', async () => await client.dpop?.keep(dpopKey));
}

/**
 * Makes a request of the login, with a proof of its key if there is one.
 *
 * @throws what `make` throws, and LoginFailedError `no_key` when the key cannot sign.
 */
export async function proveRequest(
  client: LoginClient,
  make: () => Promise<BuiltRequest>,
  dpopKey: DpopKey | undefined,
): Promise<ProvenTokenRequest> {
  let isBuilt = false;
  const build = async () => {
    const request = await make();
    isBuilt = true;
    return request;
  };
  try {
    return await withTimeout<ProvenTokenRequest>(
      client,
      () => dpopKey?.request(build, () => client.clock.Date.now()) ?? build(),
    );
  } catch (error) {
    if (!isBuilt || isTokenKeepError(error)) throw error;
    throw new LoginFailedError('The key of the login cannot sign. Start the login again.', {
      reason: 'no_key',
      cause: safeCause(error, []),
    });
  }
}

/** Exchanges the user's consent with `dpopKey`, and deletes the key if no tokens were issued for it. */
export async function withLoginKey(
  client: LoginClient,
  dpopKey: DpopKey | undefined,
  exchange: () => Promise<Login>,
): Promise<Login> {
  try {
    const login = await exchange();
    if (login.tokens.thumbprint === undefined) await deleteLoginKey(client, dpopKey?.thumbprint);
    return login;
  } catch (error) {
    await deleteLoginKey(client, dpopKey?.thumbprint);
    throw error;
  }
}

/** Deletes a key, best effort: a key without tokens is useless. */
export async function deleteLoginKey(client: LoginClient, thumbprint: string | undefined): Promise<void> {
  if (thumbprint === undefined) return;
  try {
    await withTimeout(client, async () => await client.dpop?.forget(thumbprint));
  } catch {}
}

async function inKeyStorage<T>(
  client: LoginClient,
  operation: 'read' | 'write',
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await withTimeout(client, run);
  } catch (error) {
    if (isTokenKeepError(error)) throw error;
    const done = operation === 'read' ? 'read' : 'stored';
    throw new StorageError(
      `The key of the login could not be ${done}. Check the option keys of dpop(), then start the login again.`,
      { operation, cause: safeCause(error, []) },
    );
  }
}
