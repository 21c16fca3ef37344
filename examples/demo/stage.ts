/** Where the story plays: a certified authorization server and the API that it protects, both real, both on loopback. */

import type {
  CertifiedServer,
  Counters,
  ProtectedApi,
  WireTokens,
} from '../../test/support/certified-server/index.ts';
import { logIn, startCertifiedServer, startProtectedApi } from '../../test/support/certified-server/index.ts';
import type { Chapter, Facts } from './story.ts';

export type Scene = (chapter: Chapter<Counted>) => Promise<void>;

export interface Stage {
  readonly server: CertifiedServer;
  readonly api: ProtectedApi;
  /** Result of a login by authorization code and PKCE. */
  readonly tokens: WireTokens;
  /** Counts of the server in the token family of this login. */
  readonly family: Readonly<Counters>;
  /** The roles. */
  readonly cast: readonly (readonly [string, string])[];
  measure(): Facts<Counted>;
  close(): Promise<unknown>;
}

/** Everything that is counted, and what it is called in the summary. */
export const columns = {
  calls: 'calls',
  ok: '200',
  rejected: '401',
  posts: 'POST /token',
  refreshes: 'refreshes',
  reuses: 'reuses',
  familiesRevoked: 'lost sessions',
};

export async function openStage({ accessTokenSeconds = 2 } = {}): Promise<Stage> {
  const server = await startCertifiedServer({ accessTokenSeconds });
  const api = await startProtectedApi({ introspect: server.introspect });
  const tokens = await logIn({ server });
  return {
    server,
    api,
    tokens,
    family: await server.family(tokens.refresh_token),
    cast: [
      ['authorization server', `${server.issuer}   oidc-provider: rotation, reuse detection, PKCE`],
      ['protected API', `${api.url}  asks that server about every token of every call`],
      ['user', 'ada, signed in by authorization code and PKCE over HTTP'],
    ],
    measure: () => ({
      ...api.counters,
      posts: server.requests.token,
      refreshes: server.counters.refreshes,
      reuses: server.counters.reuses,
      familiesRevoked: server.counters.familiesRevoked,
    }),
    close: () => Promise.all([server.close(), api.close()]),
  };
}

export type Counted = keyof typeof columns;

/** Of these a session dies. */
export const deadly = ['reuses', 'familiesRevoked'] as const;

/** Asks the server again and again whether a token has expired. */
export async function over(server: CertifiedServer, token: string): Promise<void> {
  while ((await server.introspect(token)).active) await new Promise((later) => setTimeout(later, 20));
}
