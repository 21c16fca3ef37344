/**
 * A login whose response arrives where the login began: in this page by a popup, or in this process by the loopback interface.
 *
 * @module
 */
import type { AuthorizationRequest } from './authorization-request.ts';
import { readAuthorizationResponse } from './authorization-response.ts';
import { validatedCode } from './complete-login.ts';
import type { Login } from './login.ts';
import { storeLoginKey, withLoginKey } from './login-key.ts';
import type { LoginClient } from './login-options.ts';
import { prepareCodeExchange, requestTokens } from './token-exchange.ts';

/**
 * Waits for the response to `request` and exchanges its code. The key of the login is durable before the user is sent to the
 * server, so a storage that rejects the key costs no login.
 *
 * @param waitForResponse sends the user to the server. Resolves with the URL to which the server sent the user back.
 * @throws LoginFailedError, StorageError if the key cannot be stored, and the errors of client authentication and `waitForResponse`.
 */
export async function completeInPlace(
  client: LoginClient,
  { pending, dpopKey }: AuthorizationRequest,
  waitForResponse: () => Promise<string>,
): Promise<Login> {
  if (dpopKey !== undefined) await storeLoginKey(client, dpopKey);
  return await withLoginKey(client, dpopKey, async () => {
    const response = readAuthorizationResponse(new URL(await waitForResponse()).searchParams);
    const code = validatedCode(client, response, pending);
    const exchange = await prepareCodeExchange(client, code, pending, dpopKey);
    return await requestTokens(client, exchange, { ...pending, thumbprint: dpopKey?.thumbprint });
  });
}
