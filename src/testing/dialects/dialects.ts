/**
 * Well-known servers, as options of the test server.
 *
 * @module
 */
import type { AuthorizationServerOptions } from '../server/server-settings.ts';
import { atlassianDialect } from './atlassian-dialect.ts';
import { auth0Dialect } from './auth0-dialect.ts';
import { cloudentityDialect } from './cloudentity-dialect.ts';
import { cognitoDialect } from './cognito-dialect.ts';
import { curityDialect } from './curity-dialect.ts';
import { entraDialect } from './entra-dialect.ts';
import { githubDialect } from './github-dialect.ts';
import { googleDialect } from './google-dialect.ts';
import { hubspotDialect } from './hubspot-dialect.ts';
import { intuitDialect } from './intuit-dialect.ts';
import { keycloakDialect } from './keycloak-dialect.ts';
import { linearDialect } from './linear-dialect.ts';
import { linkedinDialect } from './linkedin-dialect.ts';
import { oktaDialect } from './okta-dialect.ts';
import { reachfiveDialect } from './reachfive-dialect.ts';
import { salesforceDialect } from './salesforce-dialect.ts';
import { slackDialect } from './slack-dialect.ts';
import { spotifyDialect } from './spotify-dialect.ts';
import { twitchDialect } from './twitch-dialect.ts';
import { workosDialect } from './workos-dialect.ts';
import { xeroDialect } from './xero-dialect.ts';

/**
 * The test server as a well-known one: where its endpoints are, what it takes, how it rotates, and every word of its
 * answers, as documented. Options that are given beside it win, such as your client.
 *
 * @example Your integration with Slack, without Slack
 * ```ts
 * import { TokenManager } from 'tokenkeep';
 * import { slack } from 'tokenkeep/providers';
 * import { authorizationServer } from 'tokenkeep/testing';
 * import { dialects } from 'tokenkeep/testing/dialects';
 *
 * const server = authorizationServer({ ...dialects.slack, clients: [{ clientId: 'my-app' }] });
 * const manager = new TokenManager({
 *   clientId: 'my-app',
 *   authorizationServer: slack(),
 *   protectedResources: ['https://slack.com/api/'],
 *   fetch: server.fetch,
 * });
 * await manager.setTokens(server.signIn());
 * server.expire(); // as Slack says it: a 200 with token_expired
 * await manager.fetch('https://slack.com/api/conversations.list');
 * server.counts.refreshes; // 1
 * ```
 */
export const dialects: Readonly<
  Record<
    | 'atlassian'
    | 'auth0'
    | 'cloudentity'
    | 'cognito'
    | 'curity'
    | 'entra'
    | 'github'
    | 'google'
    | 'hubspot'
    | 'intuit'
    | 'keycloak'
    | 'linear'
    | 'linkedin'
    | 'okta'
    | 'reachfive'
    | 'salesforce'
    | 'slack'
    | 'spotify'
    | 'twitch'
    | 'workos'
    | 'xero',
    AuthorizationServerOptions
  >
> = {
  atlassian: atlassianDialect,
  auth0: auth0Dialect,
  cloudentity: cloudentityDialect,
  cognito: cognitoDialect,
  curity: curityDialect,
  entra: entraDialect,
  github: githubDialect,
  google: googleDialect,
  hubspot: hubspotDialect,
  intuit: intuitDialect,
  keycloak: keycloakDialect,
  linear: linearDialect,
  linkedin: linkedinDialect,
  okta: oktaDialect,
  reachfive: reachfiveDialect,
  salesforce: salesforceDialect,
  slack: slackDialect,
  spotify: spotifyDialect,
  twitch: twitchDialect,
  workos: workosDialect,
  xero: xeroDialect,
};
