/**
 * Slack, with token rotation: the tokens of a bot.
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import { refusals } from '../server/refusals.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

export const slackDialect: AuthorizationServerOptions = {
  issuer: 'https://slack.com',
  tokenEndpoint: 'https://slack.com/api/oauth.v2.access',
  revocationEndpoint: null,
  apiOrigin: 'https://slack.com',
  accessTokenLifetime: 43_200_000,
  refusal: refusals.slack,
  dialect: {
    namesIssuer: false,
    granted: ({ access_token, expires_in, refresh_token }) => ({
      ok: true,
      access_token,
      expires_in,
      refresh_token,
      token_type: 'bot',
      scope: 'commands,incoming-webhook',
      bot_user_id: 'U0KRQLJ9H',
      app_id: 'A0KRD7HC3',
      team: { name: 'Slack Softball Team', id: 'T9TK3CUKW' },
      enterprise: null,
    }),
    // With status 200.
    refused: {
      invalid_grant: json(200, { ok: false, error: 'invalid_refresh_token' }),
      invalid_client: json(200, { ok: false, error: 'bad_client_secret' }),
    },
  },
};
