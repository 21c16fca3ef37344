/**
 * A login whose answer comes back to where it was begun: to this page by a popup, or to this process by the loopback interface.
 *
 * @module
 */
import type { AuthorizationRequest } from './authorization-request.ts';
import { readResponse } from './authorization-response.ts';
import { codeFor } from './complete-login.ts';
import type { Login } from './login.ts';
import { keepKey, withKey } from './login-key.ts';
import type { LoginClient } from './login-options.ts';
import { prepareCode, tokensFrom } from './token-exchange.ts';

/**
 * Waits for the answer to `request` and exchanges its code. The key of the login is durable before the user is sent anywhere: a
 * storage that refuses it costs no login.
 *
 * @param waitForAnswer sends the user to the server. Resolves with the URL that the user was sent back to.
 * @throws LoginFailedError, StorageError when the key cannot be kept, and what client authentication and `waitForAnswer` throw.
 */
export async function finishHere(
  client: LoginClient,
  { pending, prover }: AuthorizationRequest,
  waitForAnswer: () => Promise<string>,
): Promise<Login> {
  if (prover !== undefined) await keepKey(client, prover);
  return await withKey(client, prover, async () => {
    const response = readResponse(new URL(await waitForAnswer()).searchParams);
    const code = codeFor(client, response, pending);
    const exchange = await prepareCode(client, code, pending, prover);
    return await tokensFrom(client, exchange, { ...pending, thumbprint: prover?.thumbprint });
  });
}
