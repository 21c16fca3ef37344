/** A signed-in client of an authorization server that answers as the test says. */
import { TokenManager, type TokenManagerOptions, type TokenResponse } from 'tokenkeep';
import { testClock } from 'tokenkeep/testing';
import type { Place, Wire } from '../../support/wire.ts';

export const as = {
  issuer: 'https://as.test',
  tokenEndpoint: 'https://as.test/token',
  revocationEndpoint: 'https://as.test/revoke',
} as const;

export const api = 'https://api.test/orders';

const login: TokenResponse = {
  access_token: 'access-0',
  refresh_token: 'refresh-0',
  token_type: 'Bearer',
  expires_in: 300,
  scope: 'read write',
};

/** The `count`th answer of a token endpoint that rotates, with other members. */
export function granting(members: Readonly<Record<string, unknown>> = {}): Place {
  return (_, count) =>
    Response.json({
      access_token: `access-${count}`,
      refresh_token: `refresh-${count}`,
      token_type: 'Bearer',
      expires_in: 300,
      ...members,
    });
}

/** An OAuth error (RFC 6749 §5.2). */
export function refusing(error: string, status = 400, headers: Record<string, string> = {}): Place {
  return () => Response.json({ error }, { status, headers });
}

export const done: Place = () => new Response(null, { status: 200 });

/** A manager of `app` on a wire, with tokens unless there are to be none. */
export async function client(
  { fetch }: Wire,
  options: Partial<TokenManagerOptions> = {},
  tokens: TokenResponse | undefined = login,
): Promise<TokenManager> {
  const manager = new TokenManager({
    clientId: 'app',
    authorizationServer: as,
    protectedResources: ['https://api.test/'],
    fetch,
    clock: testClock(),
    ...options,
  });
  await manager.setTokens(tokens);
  return manager;
}

/** Gives the evidence for a refresh: the access token that is in use was rejected. */
export async function refresh(manager: TokenManager): Promise<string> {
  const tokens = await manager.getTokens();
  return await manager.getAccessToken({ ...(tokens && { rejectedToken: tokens.accessToken }) });
}
