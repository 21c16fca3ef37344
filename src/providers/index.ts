/**
 * `tokenkeep/providers`: the actual behaviour of authorization servers, as data. All others need no profile, or your own.
 *
 * @module
 */
export { type AtlassianOptions, atlassian } from './atlassian.ts';
export { type Auth0Options, auth0 } from './auth0.ts';
export { type CloudentityOptions, cloudentity } from './cloudentity.ts';
export { type CognitoOptions, cognito } from './cognito.ts';
export { type CurityOptions, curity } from './curity.ts';
export { type EntraOptions, entra } from './entra.ts';
export { type GithubOptions, github } from './github.ts';
export { google } from './google.ts';
export { hubspot } from './hubspot.ts';
export { type IntuitOptions, intuit } from './intuit.ts';
export { type KeycloakOptions, keycloak } from './keycloak.ts';
export { type LinearOptions, linear } from './linear.ts';
export { linkedin } from './linkedin.ts';
export { type OktaOptions, okta } from './okta.ts';
export { type ReachfiveOptions, reachfive } from './reachfive.ts';
export type { ReuseOptions } from './reuse.ts';
export { type SalesforceOptions, salesforce } from './salesforce.ts';
export { slack } from './slack.ts';
export { type SpotifyOptions, spotify } from './spotify.ts';
export { type TwitchOptions, twitch } from './twitch.ts';
export { type WorkosOptions, workos } from './workos.ts';
export { type XeroOptions, xero } from './xero.ts';
