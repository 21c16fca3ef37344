import { TokenManager, type TokenResponse } from 'tokenkeep';
import type { TestAuthorizationServer } from 'tokenkeep/testing';
import { HandWritten } from './hand-written.ts';

export const origin = 'https://api.example.com';
const tokenEndpoint = 'https://as.example.com/token';
const clientId = 'bench';

/** A login's answer whose access token outlasts every measurement. */
export const tokens: TokenResponse = {
  access_token: 'a'.repeat(43),
  token_type: 'Bearer',
  expires_in: 86_400,
  refresh_token: 'r'.repeat(43),
};

export interface Contenders {
  readonly handWritten: HandWritten;
  readonly ours: TokenManager;
}

/** Both, signed in, on top of `fetch`. Calls to `place` get the token. */
export async function signedIn(fetch: typeof globalThis.fetch, place = `${origin}/`): Promise<Contenders> {
  const handWritten = new HandWritten({
    fetch,
    tokenEndpoint,
    clientId,
    origin: new URL(place).origin,
    tokens,
  });
  const ours = new TokenManager({
    clientId,
    authorizationServer: { tokenEndpoint },
    protectedResources: [place],
    fetch,
  });
  await ours.setTokens(tokens);
  return { handWritten, ours };
}

/** Both at a strict server, each with a session of its own. */
export async function signedInAt(
  server: TestAuthorizationServer,
  fetch: typeof globalThis.fetch = server.fetch,
): Promise<Contenders> {
  const handWritten = new HandWritten({
    fetch,
    tokenEndpoint: server.metadata.tokenEndpoint,
    clientId: 'test-client',
    origin: server.apiOrigin,
    tokens: server.signIn(),
  });
  const ours = new TokenManager({
    clientId: 'test-client',
    authorizationServer: server.metadata,
    protectedResources: [`${server.apiOrigin}/`],
    fetch,
  });
  await ours.setTokens(server.signIn());
  return { handWritten, ours };
}
