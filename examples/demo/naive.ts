/** How a session dies: the code that everyone writes first. Two calls find out at once, and both refresh. */

import type { WireTokens } from '../../test/support/certified-server/index.ts';
import { authenticated, logIn } from '../../test/support/certified-server/index.ts';
import type { Scene, Stage } from './stage.ts';

export const naive =
  ({ server }: Stage): Scene =>
  async ({ say, claim, facts }) => {
    const { access_token, refresh_token } = await logIn({ server, user: 'bob' });
    const refresh = () =>
      fetch(
        server.tokenEndpoint,
        authenticated(server, 'public', { grant_type: 'refresh_token', refresh_token }),
      );
    say('bob signs in; two of his calls get a 401, and both refresh with the token that they know');
    const answers = await Promise.all([refresh(), refresh()]);
    claim('answers of the token endpoint', answers.map(({ status }) => status).sort(), [200, 400]);
    claim('refresh tokens reused', facts().reuses, 1);
    claim('sessions that the server revoked', facts().familiesRevoked, 1);
    const fresh = (await answers.find(({ ok }) => ok)?.json()) as WireTokens;
    const tokens = [access_token, refresh_token, fresh.access_token, fresh.refresh_token];
    const states = await Promise.all(tokens.map((token) => server.introspect(token)));
    claim("bob's tokens that still work, of four", states.filter(({ active }) => active).length, 0);
  };
