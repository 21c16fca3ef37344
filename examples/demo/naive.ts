/** How a session dies: the code that everyone writes first. Two calls find out at once, and both refresh. */

import type { WireTokens } from '../../test/support/certified-server/index.ts';
import { authenticated, logIn } from '../../test/support/certified-server/index.ts';
import type { Stage } from './stage.ts';
import type { Chapter } from './story.ts';

export const naive =
  ({ server }: Stage) =>
  async ({ claim, facts }: Chapter): Promise<void> => {
    const { access_token, refresh_token } = await logIn({ server, user: 'bob' });
    const refresh = () =>
      fetch(
        server.tokenEndpoint,
        authenticated(server, 'public', { grant_type: 'refresh_token', refresh_token }),
      );
    const answers = await Promise.all([refresh(), refresh()]);

    claim('answers of the token endpoint', answers.map(({ status }) => status).sort(), [200, 400]);
    claim('refresh tokens reused', facts().reuses, 1);
    claim('sessions that the server revoked', facts().familiesRevoked, 1);
    const fresh = (await answers.find(({ ok }) => ok)?.json()) as WireTokens;
    const tokens = [access_token, refresh_token, fresh.access_token, fresh.refresh_token];
    const alive = await Promise.all(tokens.map(async (token) => (await server.introspect(token)).active));
    claim("which of bob's four tokens still work", alive, [false, false, false, false]);
  };
