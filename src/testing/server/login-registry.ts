/**
 * Details of logins, and codes on their way from the authorization endpoint to the token endpoint.
 *
 * @module
 */
import { randomId } from '../../platform/web-crypto.ts';
import type { TokenFamily } from './issued-tokens.ts';

/** Properties of a login that its tokens do not contain. */
export interface LoginDetails {
  /** The authentication context (OpenID Connect Core §2). */
  readonly acr?: string | undefined;
  /** The requested claims (OpenID Connect Core §5.5), as JSON. */
  readonly claims?: string | undefined;
  readonly nonce?: string | undefined;
}

/** A login that waits for its code to be exchanged. */
export interface AuthorizationCode extends LoginDetails {
  readonly clientId: string;
  readonly redirectUri: string;
  /** BASE64URL(SHA256(verifier)) (RFC 7636 §4.2). */
  readonly challenge: string;
  readonly subject: string;
  readonly scope: readonly string[];
  /** Thumbprint of the key that it is bound to (RFC 9449 §10). */
  readonly jkt: string | undefined;
  readonly expiresAt: number;
}

/** The parameters of a login that its client has pushed (RFC 9126 §2). */
export interface PushedParameters {
  readonly clientId: string;
  readonly parameters: URLSearchParams;
  readonly expiresAt: number;
}

export class LoginRegistry {
  readonly #details = new WeakMap<TokenFamily, LoginDetails>();
  readonly #codes = new Map<string, AuthorizationCode>();
  readonly #pushed = new Map<string, PushedParameters>();
  /** The tokens of codes that were exchanged. */
  readonly #redeemed = new Map<string, TokenFamily>();

  record(family: TokenFamily, { acr, claims, nonce }: LoginDetails): void {
    this.#details.set(family, { acr, claims, nonce });
  }

  detailsOf(family: TokenFamily): LoginDetails {
    return this.#details.get(family) ?? {};
  }

  push(pushed: PushedParameters): string {
    const requestUri = `urn:ietf:params:oauth:request_uri:${randomId()}`;
    this.#pushed.set(requestUri, pushed);
    return requestUri;
  }

  /** The pushed parameters, which can be used once. */
  takePushed(requestUri: string): PushedParameters | undefined {
    const pushed = this.#pushed.get(requestUri);
    this.#pushed.delete(requestUri);
    return pushed;
  }

  issue(code: AuthorizationCode): string {
    const text = `code-${randomId()}`;
    this.#codes.set(text, code);
    return text;
  }

  /** Returns and invalidates a code. */
  redeem(text: string): AuthorizationCode | undefined {
    const code = this.#codes.get(text);
    this.#codes.delete(text);
    return code;
  }

  markRedeemed(text: string, family: TokenFamily): void {
    this.#redeemed.set(text, family);
  }

  /** Returns the family of a code that was exchanged before. */
  familyOf(text: string): TokenFamily | undefined {
    return this.#redeemed.get(text);
  }
}
