/** One visitor's stage: the servers of the demo, lines to them that can be cut, and what can be done to a session. */

import { authenticated, logIn, type WireTokens } from '../../test/support/certified-server/index.ts';
import { openStage as openServers } from '../demo/stage.ts';
import { openLine } from './line.ts';
import type { Deed, ServerCounts, Wiring } from './page/stage.ts';

export interface Stage {
  readonly wiring: Wiring;
  /** Counts of the two servers. */
  counts(): ServerCounts;
  /** Does something to the session that no tab knows of. Only a login has an answer. */
  act(deed: Deed): Promise<WireTokens | undefined>;
  close(): Promise<void>;
}

/** @param page the origin of the page. */
export async function openStage(page: string): Promise<Stage> {
  const servers = await openServers({ accessTokenSeconds: 300 });
  const { server, api, measure } = servers;
  const lines = await Promise.all([openLine(server.issuer, page), openLine(api.url, page)]);
  const [toServer, toApi] = lines;
  const along = (endpoint: string) => endpoint.replace(server.issuer, toServer.origin);
  let { tokens } = servers;

  const deeds: Record<Deed, () => Promise<WireTokens | undefined> | undefined> = {
    async 'sign-in'() {
      tokens = await logIn({ server });
      return tokens;
    },
    async expire() {
      await server.endAccessTokens();
      return undefined;
    },
    'lose-answer'() {
      void server.hiccup({ truncate: true });
      return undefined;
    },
    async revoke() {
      // Any token of the family ends all of it, also one that is spent.
      const { refresh_token: token } = tokens;
      await fetch(server.revocationEndpoint, authenticated(server, 'public', { token }));
      return undefined;
    },
    offline() {
      for (const line of lines) line.cut(true);
      return undefined;
    },
    online() {
      for (const line of lines) line.cut(false);
      return undefined;
    },
  };

  return {
    wiring: {
      clientId: server.clients.public.clientId,
      issuer: server.issuer,
      tokenEndpoint: along(server.tokenEndpoint),
      revocationEndpoint: along(server.revocationEndpoint),
      api: `${toApi.origin}/`,
    },
    counts() {
      const { posts, ...measured } = measure();
      const { logins, spent, chain, revocations } = server.counters;
      return { ...measured, posts: posts - logins, spent, chain, revocations };
    },
    act: async (deed) => await deeds[deed](),
    async close() {
      await Promise.all([...lines.map((line) => line.close()), servers.close()]);
    },
  };
}

export function isDeed(text: string): text is Deed {
  const all: Record<Deed, true> = {
    'sign-in': true,
    expire: true,
    'lose-answer': true,
    revoke: true,
    offline: true,
    online: true,
  };
  return Object.hasOwn(all, text);
}
