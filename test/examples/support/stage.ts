/** Where the examples play: the strict server and its API on two ports of loopback, and a user who is signed in. */
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type AuthorizationServer, TokenManager } from 'tokenkeep';
import { authorizationServer, type TestAuthorizationServer } from 'tokenkeep/testing';

export interface Stage extends AsyncDisposable {
  readonly server: TestAuthorizationServer;
  readonly manager: TokenManager;
  /** The manager's clock: the real one, and as much ahead of it as a test wants. */
  readonly clock: { ahead: number };
  /** The server as clients that come over HTTP name it. */
  readonly metadata: AuthorizationServer;
  /** Origin of the API. */
  readonly apiUrl: string;
}

/** @param places Other origins that the user's access tokens may go to. */
export async function stage(...places: readonly Place[]): Promise<Stage> {
  const server = authorizationServer();
  const { url, apiUrl, metadata, close } = await server.listen();
  const clock = { ahead: 0, now: () => Date.now() + clock.ahead };
  const manager = new TokenManager({
    clock,
    clientId: 'test-client',
    authorizationServer: metadata,
    protectedResources: [apiUrl, ...places.map((place) => place.url)],
  });
  for (const place of places) place.judge = server.isActive;
  await manager.setTokens(server.signIn({ issuer: url }));
  return {
    server,
    manager,
    clock,
    metadata,
    apiUrl,
    async [Symbol.asyncDispose]() {
      await manager.close();
      await close();
    },
  };
}

/** A server of the application's own, for the authorization server to judge the tokens that come. */
export interface Place extends AsyncDisposable {
  readonly url: string;
  judge: (token: string) => boolean;
}

/** A place that lets in who has a good token, and answers 401 to all others. */
export async function protectedPlace(handler: RequestListener): Promise<Place> {
  const server = createServer((request, response) => {
    if (place.judge(bearerOf(request))) return handler(request, response);
    response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end();
    return undefined;
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const place: Place = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    judge: () => false,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
  return place;
}

const bearerOf = ({ headers }: IncomingMessage) => headers.authorization?.replace(/^Bearer /, '') ?? '';

/** Conditions that hold for every example after one expiry. */
export const oneRefresh = {
  refreshes: 1,
  refreshTokensResent: 0,
  reuses: 0,
  familiesRevoked: 0,
  secretsInUrl: 0,
  refreshTokensLeaked: 0,
  accessTokensLeaked: 0,
} as const;
