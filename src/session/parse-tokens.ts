/**
 * Parses the tokens of a login that the application passes, or rejects them with a remedy.
 *
 * @module
 */

import { describeReceived } from '../core/describe-received.ts';
import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { decodeJwtClaims } from '../core/oauth/jwt-claims.ts';
import { nonEmptyString, readTokenGrant, type TokenGrant } from '../core/oauth/token-grant.ts';
import type {
  CookieSessionInfo,
  SetTokensOptions,
  TokenResponse,
  TokenSet,
} from '../core/oauth/token-set.ts';
import { ownMembers, readMember } from '../core/own-members.ts';
import { isSendable } from '../core/session/read-record.ts';
import type { ManagerContext } from './manager-context.ts';

export const invalidTokens = (why: string): ConfigurationError =>
  new ConfigurationError(`setTokens(): ${why}`);

/**
 * Parses tokens in both forms: a token response and a {@link TokenSet}. {@link ManagerContext.grant} reads the response of a
 * token handler.
 *
 * @throws ConfigurationError for invalid tokens, and for members that would be lost or could not be sent.
 */
export function parseTokens(
  received: TokenSet | TokenResponse | CookieSessionInfo,
  context: ManagerContext,
  now: number,
): TokenGrant {
  const tokens = ownMembers(received);
  if (typeof tokens === 'object' && tokens !== null) {
    const { grant: configured } = context;
    if (configured.kind === 'token-handler') return configured.parseLoginResponse(tokens, now);
    const isWire = 'access_token' in tokens;
    const profile = context.server.known?.profile;
    const grant = isWire ? readTokenGrant(tokens, profile, now) : parseTokenSet(tokens as TokenSet, now);
    if (grant !== undefined)
      return assertComplete(grant, tokens, isWire ? tokenSetMembers : tokenResponseMembers);
  }
  throw invalidTokens(
    explain(
      'set-tokens',
      `there is no access token. Pass the JSON of a token response, or a TokenSet with accessToken.${describeReceived(received)}`,
    ),
  );
}

/** Members with another name in the other form. They would be lost, and without the refresh token the session would be too. */
const tokenSetMembers = /^refreshToken$/;
const tokenResponseMembers = /^(refresh_token|id_token|token_type|expires_(in|at)|expires(In)?)$/;

function assertComplete(grant: TokenGrant, tokens: object, foreign: RegExp): TokenGrant {
  const lost = Object.keys(tokens).find((name) => foreign.test(name));
  if (lost !== undefined) {
    throw invalidTokens(
      `${lost} ${explain('set-tokens', 'would be lost. Pass the JSON of a token response unchanged, or { accessToken, refreshToken, expiresAt }.')}`,
    );
  }
  if (isSendable(grant.accessToken)) return grant;
  throw invalidTokens(
    explain(
      'set-tokens',
      "the access token has characters that a header cannot have. Pass it unchanged, without 'Bearer '.",
    ),
  );
}

function parseTokenSet(tokens: TokenSet, now: number): TokenGrant | undefined {
  const { tokenType, scope, refreshToken, idToken, extra } = tokens;
  const accessToken = nonEmptyString(tokens.accessToken);
  if (accessToken === undefined) return undefined;
  for (const [name, value] of Object.entries({ tokenType, refreshToken, idToken })) {
    if (typeof (value ?? '') !== 'string')
      throw invalidTokens(`${name} ${explain('set-tokens', 'must be text.')}`);
  }
  if (!Array.isArray(scope ?? [])) throw invalidTokens(explain('set-tokens', 'scope must be an array.'));
  const timeUntil = (name: 'expiresAt' | 'refreshTokenExpiresAt') => {
    const end = tokens[name] ?? undefined;
    if (end === undefined) return undefined;
    if (Number.isFinite(end) && !(end > 1e9 && end * 100 < now)) return end - now;
    throw invalidTokens(
      `${name} ${explain('set-tokens', 'must be a number of milliseconds, as Date.now() is.')}`,
    );
  };
  return {
    accessToken,
    tokenType: tokenType ?? 'Bearer',
    lifetime: timeUntil('expiresAt'),
    scope: scope ?? undefined,
    refreshToken: refreshToken || undefined,
    refreshTokenLifetime: timeUntil('refreshTokenExpiresAt'),
    idToken: idToken ?? undefined,
    extra: extra ?? {},
  };
}

/** Checks the second argument of `setTokens()`. */
export function checkSetTokensOptions(options: SetTokensOptions): SetTokensOptions {
  const isKnown = (name: string) => name === 'subject';
  if (typeof options === 'object' && options !== null && Object.keys(options).every(isKnown)) {
    return ownMembers(options);
  }
  throw invalidTokens(explain('set-tokens', 'its options are { subject }, the name of the user.'));
}

/**
 * Returns the user that the application names, with the option or in a {@link TokenSet}. The user of the ID token is not stored
 * separately.
 *
 * @throws ConfigurationError for an invalid name, or one that differs from that of the ID token.
 */
export function parseSubject(tokens: object, grant: TokenGrant, option: unknown): string | undefined {
  const isSet = 'accessToken' in tokens;
  const subject = option ?? (isSet ? readMember(tokens as TokenSet, 'subject') : undefined) ?? undefined;
  if (subject === undefined) return undefined;
  if (typeof subject !== 'string' || subject === '') {
    throw invalidTokens(
      explain('set-tokens', `the option subject must be a non-empty string.${describeReceived(subject)}`),
    );
  }
  const idTokenSubject = nonEmptyString(decodeJwtClaims(grant.idToken)?.['sub']);
  if (idTokenSubject === undefined) return subject;
  if (idTokenSubject === subject) return undefined;
  throw invalidTokens(
    explain(
      'set-tokens',
      'the option subject is not the sub of the ID token. Leave it out: the ID token names the user.',
    ),
  );
}
