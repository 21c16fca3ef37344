/** The authorization server's configuration: what RFC 9700 asks for, and nothing left at a default that prints a notice. */

import type { KeyObject } from 'node:crypto';
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Grant, OidcContext, Provider } from 'oidc-provider';
import { errors } from 'oidc-provider';
import { certificateOf } from './certificates.ts';
import { storage } from './storage.ts';

export interface Resource {
  /** The resource indicator (RFC 8707) that clients ask for. */
  readonly indicator: string;
  readonly scope: string;
  /** @default 'opaque' */
  readonly format?: 'opaque' | 'jwt';
}

export interface ServerSettings {
  /** Can be changed while the server runs: it holds for the access tokens that come after. */
  accessTokenSeconds: number;
  readonly refreshTokenSeconds: number;
  readonly rotation: boolean;
  readonly resources: readonly Resource[];
  /** Applications in addition to the permanent ones, as client metadata (RFC 7591 §2). */
  readonly moreClients: readonly object[];
  /** With it there is an API that takes bound tokens, the userinfo endpoint; `nonces`: proofs have to name the server's. */
  readonly dpop?: { readonly nonces: boolean } | undefined;
  /** `true`: logins begin with parameters that their client has pushed (RFC 9126), and in no other way. */
  readonly requiresPushedRequests?: boolean | undefined;
  /** Where clients with a certificate go, if there is such a place. */
  readonly mutualOrigin?: string | undefined;
}

export const redirectUri = 'http://127.0.0.1/callback';
export const scope = 'openid offline_access read write profile';

/** Secrets with every character that the encodings of RFC 6749 §2.3.1 can get wrong. */
export const clients = {
  public: { clientId: 'public app' },
  basic: { clientId: 'basic:app', clientSecret: 'a secret: 100%/+&=~' },
  post: { clientId: 'post app', clientSecret: 'another secret: 100%/+&=~' },
  /** Proves itself with a signed assertion (RFC 7523), a new one each time. */
  key: { clientId: 'key app', privateKey: privateKey() },
} as const;

export type ClientName = keyof typeof clients;

/** The protected API's own client, by which it introspects. */
export const apiClient = { clientId: 'api', clientSecret: randomBytes(16).toString('hex') } as const;

export function configuration(settings: ServerSettings, provider: () => Provider): object {
  const day = 24 * 60 * 60;
  return {
    adapter: storage(),
    jwks: { keys: [published(privateKey())] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    clients: clientList(settings),
    clientAuthMethods: methods(settings),
    discovery: aliases(settings),
    scopes: scope.split(' '),
    claims: { profile: ['name'] },
    acrValues: ['gold', 'silver'],
    responseTypes: ['code'],
    pkce: { required: () => true },
    rotateRefreshToken: settings.rotation,
    issueRefreshToken: (_: unknown, client: { grantTypeAllowed(type: string): boolean }) =>
      client.grantTypeAllowed('refresh_token'),
    clientBasedCORS: () => true,
    ttl: {
      AccessToken: () => settings.accessTokenSeconds,
      ClientCredentials: () => settings.accessTokenSeconds,
      RefreshToken: settings.refreshTokenSeconds,
      AuthorizationCode: 60,
      DeviceCode: 300,
      IdToken: 300,
      Grant: day,
      Interaction: 300,
      Session: day,
    },
    findAccount: (_: unknown, sub: string) => ({
      accountId: sub,
      claims: () => ({ sub, name: sub }),
    }),
    interactions: { url: (_: unknown, { uid }: { uid: string }) => `/auto/${uid}` },
    loadExistingGrant: (context: OidcContext) => consent(context, { settings, provider: provider() }),
    extraTokenClaims: loginOf,
    features: {
      claimsParameter: { enabled: true },
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      userinfo: { enabled: settings.dpop !== undefined },
      ...(settings.dpop && { dPoP: proofs(settings.dpop) }),
      pushedAuthorizationRequests: {
        enabled: settings.requiresPushedRequests === true,
        requirePushedAuthorizationRequests: settings.requiresPushedRequests === true,
      },
      deviceFlow: { enabled: true, ...devicePages },
      rpInitiatedLogout: { enabled: true, ...logoutPages },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: sameClient },
      resourceIndicators: { enabled: true, ...resourceIndicators(settings) },
      ...(settings.mutualOrigin !== undefined && { mTLS: mutualTls }),
    },
  };
}

/** Proofs are checked whenever they come; the client metadata says who must bring one. */
function proofs({ nonces }: { readonly nonces: boolean }): object {
  return { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => nonces, allowReplay: false };
}

function privateKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

function published(key: KeyObject): object {
  return { ...key.export({ format: 'jwk' }), use: 'sig', alg: 'ES256' };
}

const methodsOfSecrets = ['none', 'client_secret_basic', 'client_secret_post', 'client_secret_jwt'];

function methods({ mutualOrigin }: ServerSettings): string[] {
  const certificates = mutualOrigin === undefined ? [] : ['tls_client_auth', 'self_signed_tls_client_auth'];
  return [...methodsOfSecrets, 'private_key_jwt', ...certificates];
}

/** RFC 8705 §5 */
function aliases({ mutualOrigin, requiresPushedRequests }: ServerSettings): object {
  if (mutualOrigin === undefined) return {};
  const [token_endpoint, revocation_endpoint] = [`${mutualOrigin}/token`, `${mutualOrigin}/token/revocation`];
  const pushed = requiresPushedRequests && {
    pushed_authorization_request_endpoint: `${mutualOrigin}/request`,
  };
  return { mtls_endpoint_aliases: { token_endpoint, revocation_endpoint, ...pushed } };
}

interface Connection {
  readonly req: IncomingMessage & { readonly socket: TLSSocket };
}

const mutualTls = {
  enabled: true,
  certificateBoundAccessTokens: true,
  tlsClientAuth: true,
  selfSignedTlsClientAuth: true,
  getCertificate: ({ req }: Connection) => certificateOf(req)?.toString(),
  certificateAuthorized: ({ req }: Connection) => req.socket.authorized,
  certificateSubjectMatches: ({ req }: Connection, property: string, expected: string) =>
    property === 'tls_client_auth_subject_dn' && certificateOf(req)?.subject === expected,
};

function clientList({ moreClients }: ServerSettings): object[] {
  const app = {
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    redirect_uris: [redirectUri],
    application_type: 'native',
  };
  const nobody = { grant_types: [], redirect_uris: [], response_types: [] };
  const known = (
    { clientId, clientSecret }: { clientId: string; clientSecret?: string },
    method: string,
  ) => ({
    client_id: clientId,
    ...(clientSecret !== undefined && { client_secret: clientSecret }),
    token_endpoint_auth_method: method,
  });
  return [
    { ...app, ...known(clients.public, 'none') },
    { ...app, ...known(clients.basic, 'client_secret_basic') },
    { ...app, ...known(clients.post, 'client_secret_post') },
    {
      ...app,
      ...known({ clientId: clients.key.clientId }, 'private_key_jwt'),
      jwks: { keys: [published(createPublicKey(clients.key.privateKey))] },
    },
    ...moreClients.map((client) => ({ ...app, ...client })),
    { ...nobody, ...known(apiClient, 'client_secret_basic') },
  ];
}

/** Everyone agrees to everything that was asked for: each login is a grant, and so a token family, of its own. */
async function consent(
  context: OidcContext,
  { settings, provider }: { settings: ServerSettings; provider: Provider },
): Promise<Grant> {
  const { session, client, params } = context.oidc;
  const grant = new provider.Grant({ accountId: session.accountId, clientId: client?.clientId ?? '' });
  grant.addOIDCScope(params?.['scope'] ?? '');
  for (const { indicator, scope: granted } of settings.resources) grant.addResourceScope(indicator, granted);
  await grant.save();
  return grant;
}

/** A resource server learns how the user has signed in, also from a token that a refresh has brought (RFC 9470 §6.2). */
function loginOf({ oidc }: OidcContext): object {
  const { AuthorizationCode, RefreshToken } = oidc.entities;
  const { acr, authTime } = AuthorizationCode ?? RefreshToken ?? {};
  return { ...(acr !== undefined && { acr }), ...(authTime !== undefined && { auth_time: authTime }) };
}

function sameClient(_: unknown, client: { clientId: string }, token: { clientId: string }): boolean {
  return token.clientId === client.clientId;
}

/** The pages on which the user of a device enters its code: the bare form, and one word when it is done. */
const devicePages = {
  userCodeInputSource(context: { body: string }, form: string): void {
    context.body = form;
  },
  userCodeConfirmSource(context: { body: string }, form: string): void {
    context.body = form;
  },
  successSource(context: { body: string }): void {
    context.body = 'agreed';
  },
};

/** The page that asks whether to sign out, on which every browser says yes at once. And one word when it is done. */
const logoutPages = {
  logoutSource(context: { body: string }, form: string): void {
    const yes = '<button form="op.logoutForm" name="logout" value="yes">Yes</button>';
    context.body = `${form}${yes}<script>document.querySelector('button').click()</script>`;
  },
  postLogoutSuccessSource(context: { body: string }): void {
    context.body = 'signed out';
  },
};

function resourceIndicators(settings: ServerSettings): object {
  return {
    defaultResource: (_: unknown, __: unknown, oneOf: string[] | undefined) => oneOf?.[0],
    useGrantedResource: () => true,
    getResourceServerInfo(_: unknown, indicator: string): object {
      const resource = settings.resources.find((known) => known.indicator === indicator);
      if (!resource) throw new errors.InvalidTarget();
      return {
        scope: resource.scope,
        audience: indicator,
        accessTokenTTL: settings.accessTokenSeconds,
        accessTokenFormat: resource.format ?? 'opaque',
        jwt: { sign: { alg: 'ES256' } },
      };
    },
  };
}
