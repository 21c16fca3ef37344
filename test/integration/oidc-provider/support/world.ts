/** The real servers, and a user who is signed in to them through tokenkeep. */

import type { TokenEventType, TokenManagerOptions } from 'tokenkeep';
import { TokenManager } from 'tokenkeep';
import type {
  CertifiedServer,
  CertifiedServerOptions,
  Counters,
  Login,
  ProtectedApi,
  WireTokens,
} from '../../../support/certified-server/index.ts';
import { logIn, startCertifiedServer, startProtectedApi } from '../../../support/certified-server/index.ts';
import { sessionEventTypes } from '../../../support/events.ts';

export interface World {
  readonly server: CertifiedServer;
  readonly api: ProtectedApi;
  signIn(login?: Omit<Login, 'server'>, options?: Partial<TokenManagerOptions>): Promise<SignedIn>;
  close(): Promise<unknown>;
}

export interface SignedIn {
  readonly manager: TokenManager;
  /** The tokens of the login. */
  readonly tokens: WireTokens;
  /** Counts of the server in this session's token family, live. */
  readonly family: Readonly<Counters>;
  /** Types of the events so far. */
  readonly events: TokenEventType[];
  /** The manager's clock: the real one, and as much ahead of it as a test wants. */
  readonly clock: { ahead: number; now(): number; stop(): void };
  /** Calls the API and returns the status. */
  call(): Promise<number>;
  /** Ends the access token in use, at the server. The manager is not notified. */
  endAccessToken(): Promise<void>;
}

export async function openWorld(options?: CertifiedServerOptions): Promise<World> {
  const server = await startCertifiedServer(options);
  const api = await startProtectedApi({ introspect: server.validate });
  const managers: TokenManager[] = [];
  return {
    server,
    api,
    async signIn(login = {}, more = {}) {
      let stoppedAt: number | undefined;
      const clock = {
        ahead: 0,
        now: () => (stoppedAt ?? Date.now()) + clock.ahead,
        stop() {
          stoppedAt = Date.now();
        },
      };
      const manager = new TokenManager({ ...wiring({ server, api }, login.client), clock, ...more });
      managers.push(manager);
      const tokens = await logIn({ ...login, server });
      await manager.setTokens(tokens);
      const events: TokenEventType[] = [];
      manager.on('*', ({ type }) => {
        if (sessionEventTypes.includes(type)) events.push(type);
      });
      return {
        manager,
        tokens,
        family: await server.family(tokens.refresh_token),
        events,
        clock,
        call: async () => status(await manager.fetch(api.url)),
        endAccessToken: async () => server.endAccessToken((await manager.getTokens())?.accessToken ?? ''),
      };
    },
    async close() {
      for (const manager of managers) await manager.close();
      await Promise.all([server.close(), api.close()]);
      if (server.pendingHiccups.length > 0) throw new Error('a planned hiccup has not happened');
      if (server.errors.length > 0)
        throw new AggregateError(server.errors, 'the authorization server failed');
    },
  };
}

/** The options of a manager for these servers. */
export function wiring(
  { server, api }: Pick<World, 'server' | 'api'>,
  client: Login['client'] = 'public',
): TokenManagerOptions {
  const { issuer, tokenEndpoint, revocationEndpoint } = server;
  return {
    clientId: server.clients[client].clientId,
    authorizationServer: { issuer, tokenEndpoint, revocationEndpoint },
    protectedResources: [api.url],
  };
}

/** The status of a response that nobody reads. */
export async function status(response: Response): Promise<number> {
  await response.body?.cancel();
  return response.status;
}
