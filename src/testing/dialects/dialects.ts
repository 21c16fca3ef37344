/**
 * Well-known servers, as options of the test server.
 *
 * @module
 */
import type { AuthorizationServerOptions } from '../settings.ts';
import { atlassian } from './atlassian.ts';
import { auth0 } from './auth0.ts';
import { cloudentity } from './cloudentity.ts';
import { cognito } from './cognito.ts';
import { curity } from './curity.ts';
import { entra } from './entra.ts';
import { github } from './github.ts';
import { google } from './google.ts';
import { hubspot } from './hubspot.ts';
import { intuit } from './intuit.ts';
import { keycloak } from './keycloak.ts';
import { linear } from './linear.ts';
import { linkedin } from './linkedin.ts';
import { okta } from './okta.ts';
import { reachfive } from './reachfive.ts';
import { salesforce } from './salesforce.ts';
import { slack } from './slack.ts';
import { spotify } from './spotify.ts';
import { twitch } from './twitch.ts';
import { workos } from './workos.ts';
import { xero } from './xero.ts';

/**
 * The test server as a well-known one: where its endpoints are, what it takes, how it rotates, and every word of its
 * answers, as documented. Options that are given beside it win, such as your client.
 *
 * @example Your integration with Slack, without Slack
 * ```ts
 * import { TokenManager } from 'tokenkeep';
 * import { slack } from 'tokenkeep/providers';
 * import { authorizationServer, dialects } from 'tokenkeep/testing';
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
  atlassian,
  auth0,
  cloudentity,
  cognito,
  curity,
  entra,
  github,
  google,
  hubspot,
  intuit,
  keycloak,
  linear,
  linkedin,
  okta,
  reachfive,
  salesforce,
  slack,
  spotify,
  twitch,
  workos,
  xero,
};
