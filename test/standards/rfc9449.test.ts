/** DPoP, as far as a client without it goes. */
import { ConfigurationError } from 'tokenkeep';
import { testClock } from 'tokenkeep/testing';
import { expect, test } from 'vitest';
import { refusal } from '../support/scene.ts';
import { wire } from '../support/wire.ts';
import { api, as, client, done, granting } from './support/client.ts';

test.each(['DPoP', 'dpop'])(
  '9449-06: a token of type %s never goes out as a bearer token: not after a login, not after a refresh',
  async (token_type) => {
    const clock = testClock();
    const net = wire({ [as.tokenEndpoint]: granting({ token_type }), [api]: done });
    const manager = await client(net, { clock });
    const bound = { access_token: 'bound', token_type };
    expect(await refusal(manager.setTokens(bound))).toBeInstanceOf(ConfigurationError);
    await clock.advance(400_000);
    expect(await refusal(manager.fetch(api))).toMatchObject({ code: 'ERR_REFRESH_FAILED' });
    expect(net.sent.map(({ url }) => url)).toEqual([as.tokenEndpoint]);
  },
);
