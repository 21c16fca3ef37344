/// <reference path="./oidc-provider.d.ts" />
/**
 * A real authorization server on loopback: oidc-provider, certified by the OpenID Foundation, configured as RFC 9700
 * asks. Refresh tokens rotate; one that comes twice kills its whole family. The only thing in front of it are hiccups.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { Provider, type StoredModel } from 'oidc-provider';
import type { Resource, ServerSettings } from './configuration.ts';
import { apiClient, clients, configuration, redirectUri } from './configuration.ts';
import type { Counters } from './counters.ts';
import { count } from './counters.ts';
import type { Endpoint, Hiccup } from './hiccups.ts';
import { hiccups } from './hiccups.ts';
import { asksForCertificate, listen } from './loopback.ts';

export interface CertifiedServerOptions {
  /** @default 300 */
  readonly accessTokenSeconds?: number;
  /** @default 3600 */
  readonly refreshTokenSeconds?: number;
  /** @default true */
  readonly rotation?: boolean;
  /** Protected resources that clients can name (RFC 8707). Without one, access tokens are opaque. */
  readonly resources?: readonly Resource[];
  /** Applications in addition to the permanent ones, as client metadata (RFC 7591 §2). */
  readonly moreClients?: readonly object[];
  /** With it the userinfo endpoint is an API that takes bound tokens; `nonces`: proofs have to name the server's. */
  readonly dpop?: { readonly nonces: boolean };
  /** `true`: logins begin with parameters that their client has pushed (RFC 9126), and in no other way. */
  readonly requiresPushedRequests?: boolean;
  /** The server speaks HTTPS, and has a second port for clients with certificates. `ca` is who vouches for them. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
  /** Where it listens on loopback. @default 0, any that is free */
  readonly port?: number;
}

/** The server's statement about a token (RFC 7662). */
export interface Introspection {
  readonly active: boolean;
  readonly scope?: string;
  readonly sub?: string;
  readonly client_id?: string;
  readonly exp?: number;
  readonly aud?: string;
  /** How the user has signed in, and when, in Unix seconds (RFC 9470 §6.2). */
  readonly acr?: string;
  readonly auth_time?: number;
  /** The key or certificate that the token is bound to. */
  readonly cnf?: { readonly 'x5t#S256'?: string };
}

export interface CertifiedServer {
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly revocationEndpoint: string;
  readonly introspectionEndpoint: string;
  readonly redirectUri: string;
  readonly clients: typeof clients;
  /** Everything since the start, live. */
  readonly counters: Readonly<Counters>;
  /** Requests to an endpoint, whether or not the server got to see them. */
  readonly requests: Readonly<Record<Endpoint, number>>;
  /** Errors of the server itself. A test that wants to be sure expects none. */
  readonly errors: readonly Error[];
  /** The counters of the family that this refresh token belongs to, live. */
  family(refreshToken: string): Promise<Readonly<Counters>>;
  /** Every access and refresh token that it has issued: what must be found nowhere else. */
  readonly issuedTokens: readonly string[];
  /** Asks the introspection endpoint. */
  introspect(token: string): Promise<Introspection>;
  /** The same for an access token that may be a JWT: these are judged by the server's published keys. */
  validate(token: string): Promise<Introspection>;
  /** Ends an access token before its time and leaves its refresh token alone, as an administrator or a restart does. */
  endAccessToken(accessToken: string): Promise<void>;
  /** The same for all that live now. */
  endAccessTokens(): Promise<void>;
  /** Access tokens that are issued from now on live so long, in seconds. */
  accessTokensLive(seconds: number): void;
  /** Faults that were planned and have not happened. */
  readonly pendingHiccups: readonly object[];
  /** Plans a fault for the next request. Resolves when it has happened. */
  hiccup(hiccup: Hiccup): Promise<void>;
  close(): Promise<void>;
}

export async function startCertifiedServer(options: CertifiedServerOptions = {}): Promise<CertifiedServer> {
  const { tls, port, ...given } = options;
  const unready: RequestListener = (_, response) => response.writeHead(503).end();
  const loopback = await listen(unready, { tls, port });
  const mutual = tls && (await listen(unready, { tls: asksForCertificate(tls) }));
  const settings: ServerSettings = {
    accessTokenSeconds: 300,
    refreshTokenSeconds: 3600,
    rotation: true,
    resources: [],
    moreClients: [],
    mutualOrigin: mutual?.origin,
    ...given,
  };
  const issuer = loopback.origin;
  const provider: Provider = new Provider(
    issuer,
    configuration(settings, () => provider),
  );
  const counters = count(provider);
  const faults = hiccups();
  const errors: Error[] = [];
  provider.on('server_error', (_, error) => errors.push(error));
  const issued = new Set<StoredModel>();
  provider.on('access_token.saved', (token) => issued.add(token));
  const issuedTokens: string[] = [];
  for (const kind of ['access_token', 'refresh_token'] as const) {
    provider.on(`${kind}.saved`, ({ jti }) => issuedTokens.push(jti));
  }

  const serve = provider.callback();
  const endpoints = new Map<string, Endpoint>([
    ['/token', 'token'],
    ['/token/revocation', 'revocation'],
  ]);
  loopback.handler = faults.handler(
    (request, response) => {
      if (request.url?.startsWith('/auto/')) void agree(provider, request, response);
      else serve(request, response);
    },
    (path) => endpoints.get(path.replace(/\?.*/s, '')),
  );
  if (mutual !== undefined) mutual.handler = loopback.handler;

  const introspect = introspection(`${issuer}/token/introspection`);
  return {
    issuer,
    authorizationEndpoint: `${issuer}/auth`,
    tokenEndpoint: `${issuer}/token`,
    revocationEndpoint: `${issuer}/token/revocation`,
    introspectionEndpoint: `${issuer}/token/introspection`,
    redirectUri,
    clients,
    counters: counters.total,
    issuedTokens,
    requests: faults.requests,
    errors,
    async family(refreshToken) {
      const token = await provider.RefreshToken.find(refreshToken);
      if (!token?.grantId) throw new Error('the server does not know this refresh token');
      return counters.family(token.grantId);
    },
    introspect,
    validate: validation(issuer, introspect),
    async endAccessToken(accessToken) {
      const token = await provider.AccessToken.find(accessToken);
      if (!token) throw new Error('the server does not know this access token');
      await token.destroy();
    },
    async endAccessTokens() {
      for (const token of issued) await token.destroy();
      issued.clear();
    },
    accessTokensLive(seconds) {
      settings.accessTokenSeconds = seconds;
    },
    pendingHiccups: faults.planned,
    hiccup: faults.next,
    async close() {
      await Promise.all([loopback.close(), mutual?.close()]);
    },
  };
}

/** The login page, on which everyone says yes at once, as strongly as was asked for. `login_hint` is who they are. */
async function agree(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { params } = await provider.interactionDetails(request, response);
  const claims = JSON.parse(params['claims'] ?? '{}') as { id_token?: { acr?: { value?: string } } };
  const acr = params['acr_values']?.split(' ')[0] ?? claims.id_token?.acr?.value;
  const login = { accountId: params['login_hint'] ?? 'ada', ...(acr !== undefined && { acr }) };
  const result = { login, consent: {} };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}

function introspection(endpoint: string): CertifiedServer['introspect'] {
  const authorization = `Basic ${btoa(`${apiClient.clientId}:${apiClient.clientSecret}`)}`;
  return async (token) => {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { authorization },
      body: new URLSearchParams({ token }),
    });
    if (!response.ok) throw new Error(`introspection answered ${response.status}: ${await response.text()}`);
    return response.json() as Promise<Introspection>;
  };
}

function validation(issuer: string, introspect: CertifiedServer['introspect']): CertifiedServer['validate'] {
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
  return async (token) => {
    if (!isJwt(token)) return introspect(token);
    try {
      const { payload } = await jwtVerify<Omit<Introspection, 'active'>>(token, keys, {
        issuer,
        typ: 'at+jwt',
      });
      return { ...payload, active: true } as Introspection;
    } catch {
      return { active: false };
    }
  };
}

function isJwt(token: string): boolean {
  try {
    decodeProtectedHeader(token);
    return true;
  } catch {
    return false;
  }
}
