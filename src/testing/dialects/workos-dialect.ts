/**
 * WorkOS: user management.
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

export const workosDialect: AuthorizationServerOptions = {
  issuer: 'https://api.workos.com',
  tokenEndpoint: 'https://api.workos.com/user_management/authenticate',
  revocationEndpoint: null,
  profile: { kind: 'idempotentReplay', ms: 30_000 },
  tokenFormat: 'jwt-like',
  dialect: {
    namesIssuer: false,
    // No expires_in: the access token says it.
    granted: ({ access_token, refresh_token }) => ({
      user: { object: 'user', id: 'user_01H5JQDV7R7ATEYZDEG0W5PRYS', email: 'user@example.com' },
      organization_id: 'org_01H945H0YD4F97JN9MATX7BYAG',
      access_token,
      refresh_token,
      authentication_method: 'SSO',
    }),
    refused: {
      invalid_grant: json(400, {
        error: 'invalid_grant',
        error_description: 'Refresh token already exchanged.',
      }),
    },
  },
};
