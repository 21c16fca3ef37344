/** A day in the life of a session, in whatever engine: found, expired for everyone at once, ended. */
import { discover, isTokenKeepError, TokenManager, type TokenResponse, type TokenStorage } from 'tokenkeep';

export interface Given {
  readonly issuer: string;
  readonly apiUrl: string;
  readonly tokens: TokenResponse;
}

export interface Told {
  readonly statuses: readonly number[];
  readonly revoked: boolean;
  readonly afterwards: string;
}

export function open({ issuer, apiUrl }: Given, storage?: TokenStorage): TokenManager {
  return new TokenManager({
    clientId: 'test-client',
    authorizationServer: discover(issuer),
    protectedResources: [apiUrl],
    storage,
  });
}

/** Its tokens are rejected from the beginning, so that 20 calls need one refresh. */
export async function story(given: Given): Promise<Told> {
  const manager = open(given);
  await manager.setTokens(given.tokens);
  const url = `${given.apiUrl}/orders`;
  const calls = Array.from({ length: 20 }, () => manager.fetch(url, { method: 'POST', body: 'an order' }));
  const statuses = (await Promise.all(calls)).map(({ status }) => status);
  const { revoked } = await manager.signOut();
  const afterwards = await manager.fetch(url).then(
    () => 'a call',
    (error: unknown) => (isTokenKeepError(error) && 'reason' in error ? error.reason : String(error)),
  );
  await manager.close();
  return { statuses, revoked, afterwards };
}
