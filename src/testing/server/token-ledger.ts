/**
 * All tokens that the test server has issued, and their state. No I/O; each change happens in one step.
 *
 * @module
 */
import type { TokenResponse } from '../../core/oauth/token-set.ts';
import type { AccessToken, RefreshToken, TokenFamily } from './issued-tokens.ts';
import { OAuthServerError } from './oauth-server-error.ts';
import type { TokenUse } from './reuse-policy.ts';
import { classifyUse, failureIsUse } from './reuse-policy.ts';
import type { ServerSettings } from './server-settings.ts';
import { accessTokenClaims, idTokenClaims, seconds } from './token-claims.ts';
import { jwtLike, tokenGenerator } from './token-text.ts';

/** Requested properties of the access token of a refresh. */
export interface RequestedToken {
  readonly scope?: readonly string[] | undefined;
  readonly resource?: readonly string[];
  readonly issuer: string;
  /** Thumbprint of the key that it will be bound to. */
  readonly jkt: string | undefined;
}

type Start = Pick<TokenFamily, 'clientId' | 'subject' | 'issuer' | 'jkt' | 'scope' | 'resources'>;
type Started = { readonly family: TokenFamily; readonly response: TokenResponse };

export class TokenLedger {
  readonly #settings: ServerSettings;
  readonly #now: () => number;
  readonly #text: (length?: number) => string = tokenGenerator();
  readonly #accessTokens = new Map<string, AccessToken>();
  readonly #refreshTokens = new Map<string, RefreshToken>();
  #families = 0;
  #latest: TokenFamily | undefined;

  constructor(settings: ServerSettings, now: () => number) {
    this.#settings = settings;
    this.#now = now;
  }

  accessToken(text: string): AccessToken | undefined {
    return this.#accessTokens.get(text);
  }

  refreshToken(text: string): RefreshToken | undefined {
    return this.#refreshTokens.get(text);
  }

  /** Returns the family of any of its tokens; without one, of the latest login. */
  family(text: string | undefined): TokenFamily | undefined {
    if (text === undefined) return this.#latest;
    return (this.#refreshTokens.get(text) ?? this.#accessTokens.get(text))?.family;
  }

  accessTokens(): Iterable<AccessToken> {
    return this.#accessTokens.values();
  }

  isActive(token: AccessToken | RefreshToken): boolean {
    const now = this.#now();
    if (token.family.revoked) return false;
    if (token.kind === 'access_token') return !token.ended && now < token.expiresAt;
    const isUsed = classifyUse(token, this.#settings.profile, now) === 'reuse';
    return !isUsed && now < token.family.startedAt + token.family.lifetime;
  }

  /** Starts a family, as a login does. */
  signIn({ lifetime, ...start }: Start & { lifetime?: number }): Started {
    const family = this.#begin(start);
    const refreshToken = this.#issueRefreshToken(family, 0);
    const access = this.#issueAccessToken(family, family, lifetime);
    return { family, response: this.#response(access, refreshToken.text, family.issuer) };
  }

  /** Issues an access token for a client itself, without a refresh token (RFC 6749 §4.4.3). @throws OAuthServerError */
  issueForClient(start: Start, requested: RequestedToken): Started {
    const family = this.#begin(start);
    this.#check(family, requested);
    return {
      family,
      response: this.#response(this.#issueAccessToken(family, requested), undefined, requested.issuer),
    };
  }

  /**
   * Spends a refresh token. On `reuse` there is no response, and the caller decides about the family.
   *
   * @throws OAuthServerError
   */
  redeem(token: RefreshToken, requested: RequestedToken): { use: TokenUse; response?: TokenResponse } {
    const { family } = token;
    const now = this.#now();
    const use = classifyUse(token, this.#settings.profile, now);
    if (use === 'reuse') return { use };
    if (family.revoked) throw new OAuthServerError('invalid_grant', 'The grant was revoked.');
    if (now >= family.startedAt + family.lifetime) {
      throw new OAuthServerError('invalid_grant', 'The refresh token has expired.');
    }
    try {
      this.#check(family, requested);
    } catch (refusal) {
      if (this.#settings.scopeNarrowing === 'unforgiving') token.usedAt ??= now;
      throw refusal;
    }
    if (use === 'replay' && token.firstResponse !== undefined) return { use, response: token.firstResponse };
    return { use, response: this.#grant(token, requested, use) };
  }

  /** Records an attempt that failed before {@link redeem}: under some profiles it counts as a use. */
  failed(token: RefreshToken): void {
    if (failureIsUse(this.#settings.profile)) token.usedAt ??= this.#now();
  }

  #begin(start: Start): TokenFamily {
    const family: TokenFamily = {
      ...start,
      ...{ revoked: false, generation: 0, current: undefined, newest: undefined, inFlight: 0 },
      id: `family${++this.#families}`,
      startedAt: this.#now(),
      lifetime: this.#settings.refreshTokenLifetime,
    };
    this.#latest = family;
    return family;
  }

  #grant(token: RefreshToken, requested: RequestedToken, use: TokenUse): TokenResponse {
    const { family } = token;
    if (!this.#settings.accessTokensSurviveRefresh && family.newest) family.newest.ended = true;
    const rotates = use === 'rotate' || use === 'again';
    if (rotates) token.usedAt ??= this.#now();
    const kept = use === 'same' ? token.text : undefined;
    const next = rotates ? this.#issueRefreshToken(family, token.generation + 1).text : kept;
    if (this.#settings.scopeNarrowing !== 'temporary') family.scope = requested.scope ?? family.scope;
    const response = this.#response(this.#issueAccessToken(family, requested), next, requested.issuer);
    token.firstResponse ??= response;
    return response;
  }

  #check(family: TokenFamily, requested: RequestedToken): void {
    if (requested.scope && !requested.scope.every((scope) => family.scope.includes(scope))) {
      throw new OAuthServerError('invalid_scope', 'The scope exceeds what was granted.');
    }
    const isGranted = (url: string): boolean => family.resources.some((granted) => covers(granted, url));
    if (requested.resource && !requested.resource.every(isGranted)) {
      throw new OAuthServerError('invalid_target', 'The resource was not granted.');
    }
  }

  #issueRefreshToken(family: TokenFamily, generation: number): RefreshToken {
    family.generation = Math.max(family.generation, generation);
    const token: RefreshToken = {
      kind: 'refresh_token',
      id: `rt${this.#refreshTokens.size + 1}`,
      text: `refresh-${this.#text()}`,
      family,
      generation,
      usedAt: undefined,
      sent: 0,
      firstResponse: undefined,
    };
    this.#refreshTokens.set(token.text, token);
    family.current = token;
    return token;
  }

  #issueAccessToken(
    family: TokenFamily,
    requested: Pick<RequestedToken, 'issuer' | 'jkt'> & Partial<RequestedToken>,
    lifetime?: number,
  ): AccessToken {
    const issuedAt = this.#now();
    const scope = requested.scope ?? family.scope;
    const audience = requested.resource?.length ? requested.resource : undefined;
    const expiresAt = issuedAt + (lifetime ?? this.#settings.accessTokenLifetime);
    const id = `at${this.#accessTokens.size + 1}`;
    const isJwt = this.#settings.tokenFormat === 'jwt-like';
    const { jkt } = requested;
    const facts = { id, family, scope, audience, jkt, issuedAt, expiresAt };
    const text = isJwt
      ? jwtLike(accessTokenClaims(facts, requested.issuer, this.#settings.apiOrigin), this.#text())
      : `access-${this.#text()}`;
    const token: AccessToken = { kind: 'access_token', ...facts, text, ended: false };
    this.#accessTokens.set(text, token);
    family.newest = token;
    return token;
  }

  #response(access: AccessToken, refreshToken: string | undefined, issuer: string): TokenResponse {
    return {
      access_token: access.text,
      token_type: access.jkt === undefined ? 'Bearer' : 'DPoP',
      expires_in: seconds(access.expiresAt - access.issuedAt),
      ...(refreshToken !== undefined && { refresh_token: refreshToken }),
      scope: access.scope.join(' '),
      ...(access.scope.includes('openid') && {
        id_token: jwtLike(idTokenClaims(access, issuer), this.#text()),
      }),
    };
  }
}

/** Checks whether a URL is at or below another one. */
export function covers(granted: string, url: string): boolean {
  return url === granted || url.startsWith(granted.endsWith('/') ? granted : `${granted}/`);
}
