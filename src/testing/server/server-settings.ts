/**
 * Options of a test server, and their defaults.
 *
 * @module
 */
import type { Clock } from '../../core/contracts.ts';
import type { ApiHandler } from './api-handler.ts';
import type { Dialect } from './dialect.ts';
import { type MemberNames, requireKnownMembers } from './known-members.ts';
import type { Refusal, RefusalStyle } from './refusals.ts';

/**
 * Policy of the server for refresh tokens (RFC 9700 §4.14).
 *
 * - `strict`: every refresh rotates; a used refresh token that is sent again revokes its whole family.
 * - `noRotation`: no refresh token in the response, the old one stays valid (Google, Cognito).
 * - `sameToken`: the same refresh token in the response (Okta, persistent mode).
 * - `rotateOldStaysValid`: a new refresh token in the response, the old ones continue to work (Entra).
 * - `countsFailures`: strict, and a failed attempt counts as a use (Keycloak).
 * - `leeway`: strict, but for `ms` after its first use a refresh token may be sent again and gets other new tokens;
 *   with `previousOnly` (the default) only the one before the current one may (Auth0).
 * - `idempotentReplay`: strict, but for `ms` after its first use a refresh token gets the same response again (WorkOS).
 */
export type ServerProfile =
  | 'strict'
  | 'noRotation'
  | 'sameToken'
  | 'rotateOldStaysValid'
  | 'countsFailures'
  | { readonly kind: 'leeway'; readonly ms: number; readonly previousOnly?: boolean }
  | { readonly kind: 'idempotentReplay'; readonly ms: number };

/** See {@link AuthorizationServerOptions.scopeNarrowing}. */
export type ScopeNarrowing = 'temporary' | 'permanent' | 'unforgiving';

/** A registered client. */
export interface TestClient {
  readonly clientId: string;
  /** Without it, the client is public, unless `verify` is set. */
  readonly clientSecret?: string;
  /** The only way in which the client may send its secret. @default either */
  readonly method?: 'client_secret_basic' | 'client_secret_post';
  /** Validates other authentication than a secret: an assertion, a certificate. It replaces the check of the secret. */
  readonly verify?: (parameters: URLSearchParams, headers: Headers) => boolean | Promise<boolean>;
}

/** Policy of the server for DPoP (RFC 9449). A client that sends a proof gets tokens that are bound to its key. */
export interface DpopPolicy {
  /** `true`: rejects token requests without a proof. @default false */
  readonly required?: boolean;
  /** Endpoints that require a nonce of the server in proofs (RFC 9449 §8, §9). @default none */
  readonly nonces?: readonly ('token' | 'api')[];
  /** Number of proofs after which an endpoint requires another nonce, which its last response contains. @default unlimited */
  readonly nonceUses?: number;
  /** Maximum distance of a proof's `iat` from the server's time, in ms. @default 60_000 */
  readonly tolerance?: number;
}

/** Options of {@link authorizationServer}. */
export interface AuthorizationServerOptions {
  /** @default 'https://as.test' */
  readonly issuer?: string;
  /** Origin of the protected API. @default 'https://api.test' */
  readonly apiOrigin?: string;
  /** Absolute URL. Over HTTP it is served if it has the origin of the issuer. @default `${issuer}/authorize` */
  readonly authorizationEndpoint?: string;
  /** Absolute URL, served like `authorizationEndpoint`. @default `${issuer}/token` */
  readonly tokenEndpoint?: string;
  /** Absolute URL, served like `authorizationEndpoint`; `null`: the server has no such endpoint. @default `${issuer}/revoke` */
  readonly revocationEndpoint?: string | null;
  /** Absolute URL, served like `authorizationEndpoint`. @default `${issuer}/par` */
  readonly pushedAuthorizationRequestEndpoint?: string;
  /** `true`: users can only log in with parameters that their client has pushed (RFC 9126 §5). @default false */
  readonly requirePushedAuthorizationRequests?: boolean;
  /** Wording of its responses. @default that of the standards */
  readonly dialect?: Dialect;
  /** @default 'strict' */
  readonly profile?: ServerProfile;
  /** @default one public client, `test-client` */
  readonly clients?: readonly TestClient[];
  /** In ms. @default 300_000 */
  readonly accessTokenLifetime?: number;
  /** Time from the login, in ms; rotation does not extend it. @default no expiry */
  readonly refreshTokenLifetime?: number;
  /** @default the system's time and timers */
  readonly clock?: Clock;
  /** Lead of the server's clock over `clock`, in ms. @default 0 */
  readonly clockOffset?: number;
  /** The scope of a login that names none. @default ['read', 'write'] */
  readonly scope?: readonly string[];
  /**
   * Effect of a narrower access token on its grant. `temporary`: none (RFC 6749 §6). `permanent`: the grant becomes as narrow, and a
   * refresh that names more scope gets `invalid_scope`. `unforgiving`: the same, and that refresh token counts as used.
   *
   * @default 'temporary'
   */
  readonly scopeNarrowing?: ScopeNarrowing;
  /** `jwt-like`: access tokens with readable claims and a meaningless signature. @default 'opaque' */
  readonly tokenFormat?: 'opaque' | 'jwt-like';
  /** Required encoding of the bodies of token and revocation requests. @default 'form' */
  readonly requestEncoding?: 'form' | 'json';
  /** `false`: a refresh revokes the previous access tokens, as GitHub does. @default true */
  readonly accessTokensSurviveRefresh?: boolean;
  /** Policy for proofs of possession. @default proofs are accepted, but not required */
  readonly dpop?: DpopPolicy;
  /** The response of the API to an invalid token. @default 'rfc6750' */
  readonly refusal?: RefusalStyle | Refusal;
  /**
   * Custom API: responds to the accepted requests. Its responses are read as text.
   *
   * @default echoes the request, an {@link ApiEcho}
   */
  readonly api?: ApiHandler;
  /** `false`: the API responds to accepted requests with an empty 200, which is much faster. For measurements. @default true */
  readonly echo?: boolean;
  /** `false`: only counts, for long runs. @default true */
  readonly log?: boolean;
}

/** A {@link ServerProfile} in the common shape of all profiles. */
export type ProfileRules =
  | {
      [Kind in Extract<ServerProfile, string>]: { readonly kind: Kind };
    }[Extract<ServerProfile, string>]
  | Exclude<ServerProfile, string>;

/** The options with their defaults. */
export interface ServerSettings {
  readonly issuer: string;
  readonly apiOrigin: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly revocationEndpoint: string | undefined;
  readonly pushedAuthorizationRequestEndpoint: string;
  readonly requirePushedAuthorizationRequests: boolean;
  readonly dialect: Dialect;
  readonly profile: ProfileRules;
  readonly clients: ReadonlyMap<string, TestClient>;
  readonly accessTokenLifetime: number;
  readonly refreshTokenLifetime: number;
  readonly clock: Clock;
  readonly clockOffset: number;
  readonly scope: readonly string[];
  readonly scopeNarrowing: ScopeNarrowing;
  readonly tokenFormat: 'opaque' | 'jwt-like';
  readonly requestEncoding: 'form' | 'json';
  readonly accessTokensSurviveRefresh: boolean;
  readonly dpop: Required<DpopPolicy>;
  readonly api: ApiHandler | undefined;
  readonly echo: boolean;
  readonly log: boolean;
}

const optionNames: MemberNames<AuthorizationServerOptions> = {
  issuer: true,
  apiOrigin: true,
  authorizationEndpoint: true,
  tokenEndpoint: true,
  revocationEndpoint: true,
  pushedAuthorizationRequestEndpoint: true,
  requirePushedAuthorizationRequests: true,
  dialect: true,
  profile: true,
  clients: true,
  accessTokenLifetime: true,
  refreshTokenLifetime: true,
  clock: true,
  clockOffset: true,
  scope: true,
  scopeNarrowing: true,
  tokenFormat: true,
  requestEncoding: true,
  accessTokensSurviveRefresh: true,
  dpop: true,
  refusal: true,
  api: true,
  echo: true,
  log: true,
};

/**
 * Fills in the defaults of omitted options.
 *
 * @throws ConfigurationError for an unknown option.
 */
export function resolveSettings(options: AuthorizationServerOptions): ServerSettings {
  requireKnownMembers(options, 'authorizationServer(options): options', optionNames);
  const { issuer = 'https://as.test' } = options;
  const base = issuer.replace(/\/$/, '');
  const {
    authorizationEndpoint = `${base}/authorize`,
    tokenEndpoint = `${base}/token`,
    revocationEndpoint = `${base}/revoke`,
    pushedAuthorizationRequestEndpoint = `${base}/par`,
    requirePushedAuthorizationRequests = false,
    dialect = {},
    apiOrigin = 'https://api.test',
    profile = 'strict',
    clients = [{ clientId: 'test-client' }],
    accessTokenLifetime = 300_000,
    refreshTokenLifetime = Number.POSITIVE_INFINITY,
    clock = { now: () => Date.now() },
    clockOffset = 0,
    scope = ['read', 'write'],
    scopeNarrowing = 'temporary',
    tokenFormat = 'opaque',
    requestEncoding = 'form',
    accessTokensSurviveRefresh = true,
    dpop,
    api,
    echo = true,
    log = true,
  } = options;
  return {
    issuer,
    authorizationEndpoint,
    tokenEndpoint,
    revocationEndpoint: revocationEndpoint ?? undefined,
    pushedAuthorizationRequestEndpoint,
    requirePushedAuthorizationRequests,
    dialect,
    apiOrigin: new URL(apiOrigin).origin,
    profile: typeof profile === 'string' ? { kind: profile } : profile,
    clients: new Map(clients.map((client) => [client.clientId, client])),
    accessTokenLifetime,
    refreshTokenLifetime,
    clock,
    clockOffset,
    scope,
    scopeNarrowing,
    tokenFormat,
    requestEncoding,
    accessTokensSurviveRefresh,
    dpop: {
      required: false,
      nonces: [],
      nonceUses: Number.POSITIVE_INFINITY,
      tolerance: 60_000,
      ...dpop,
    },
    api,
    echo,
    log,
  };
}
