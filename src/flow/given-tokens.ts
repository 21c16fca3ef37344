/**
 * The tokens of a login as an application hands them over: read, or refused with what to do.
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';
import { given } from '../core/given.ts';
import { identityOf } from '../core/login-identity.ts';
import { member, ownMembers } from '../core/own-members.ts';
import { readTokenGrant, type TokenGrant } from '../core/token-grant.ts';
import type { CookiesSet, SetTokensOptions, TokenResponse, TokenSet } from '../core/token-set.ts';
import { isSendable } from '../core/token-type.ts';
import type { Workshop } from './attempt.ts';

export const wrongTokens = (why: string): ConfigurationError => new ConfigurationError(`setTokens(): ${why}`);

/**
 * Takes both forms: the wire's, and ours. What a token handler says is for its {@link Workshop.grant} to read.
 *
 * @throws ConfigurationError for what are no tokens, and for what would be lost or could not be sent.
 */
export function grantOf(
  handedOver: TokenSet | TokenResponse | CookiesSet,
  workshop: Workshop,
  now: number,
): TokenGrant {
  const tokens = ownMembers(handedOver);
  if (typeof tokens === 'object' && tokens !== null) {
    const { cookies } = workshop.grant;
    if (cookies !== undefined) return cookies.read(tokens, now);
    const isWire = 'access_token' in tokens;
    const profile = workshop.server.known?.profile;
    const grant = isWire ? readTokenGrant(tokens, profile, now) : grantOfSet(tokens as TokenSet, now);
    if (grant !== undefined) return whole(grant, tokens, isWire ? ofSets : ofTheWire);
  }
  throw wrongTokens(
    `there is no access token. Pass the JSON of a token response, or a TokenSet with accessToken.${given(handedOver)}`,
  );
}

/** What has another name in the other form: it would be lost, and with a refresh token the session. */
const ofSets = /^refreshToken$/;
const ofTheWire = /^(refresh_token|id_token|token_type|expires_(in|at)|expires(In)?)$/;

function whole(grant: TokenGrant, tokens: object, foreign: RegExp): TokenGrant {
  const lost = Object.keys(tokens).find((name) => foreign.test(name));
  if (lost !== undefined) {
    throw wrongTokens(
      `${lost} would be lost. Hand over the JSON of a token response as it came, or { accessToken, refreshToken, expiresAt }.`,
    );
  }
  if (isSendable(grant.accessToken)) return grant;
  throw wrongTokens(
    "the access token has characters that a header cannot have. Hand it over as it came, without 'Bearer '.",
  );
}

function grantOfSet(tokens: TokenSet, now: number): TokenGrant | undefined {
  const { accessToken, tokenType, scope, refreshToken, idToken, extra } = tokens;
  if (typeof accessToken !== 'string' || accessToken === '') return undefined;
  for (const [name, value] of Object.entries({ tokenType, refreshToken, idToken })) {
    if (typeof (value ?? '') !== 'string') throw wrongTokens(`${name} must be text.`);
  }
  if (!Array.isArray(scope ?? [])) throw wrongTokens('scope must be an array.');
  const left = (name: 'expiresAt' | 'refreshTokenExpiresAt') => {
    const end = tokens[name] ?? undefined;
    if (end === undefined) return undefined;
    if (Number.isFinite(end) && !(end > 1e9 && end * 100 < now)) return end - now;
    throw wrongTokens(`${name} must be a number of milliseconds, as Date.now() is.`);
  };
  return {
    accessToken,
    tokenType: tokenType ?? 'Bearer',
    lifetime: left('expiresAt'),
    scope: scope ?? undefined,
    refreshToken: refreshToken || undefined,
    refreshTokenLifetime: left('refreshTokenExpiresAt'),
    idToken: idToken ?? undefined,
    extra: extra ?? {},
  };
}

/** Checks the second argument of `setTokens()`. */
export function named(options: SetTokensOptions): SetTokensOptions {
  const isKnown = (name: string) => name === 'subject';
  if (typeof options === 'object' && options !== null && Object.keys(options).every(isKnown)) {
    return ownMembers(options);
  }
  throw wrongTokens('its options are { subject }, the name of the user.');
}

/**
 * The user that the application names, with the option or in a {@link TokenSet}. The one of the ID token needs no place of its own.
 *
 * @throws ConfigurationError for what is no name, or another one than that of the ID token.
 */
export function subjectOf(tokens: object, grant: TokenGrant, option: unknown): string | undefined {
  const isSet = 'accessToken' in tokens;
  const subject = option ?? (isSet ? member(tokens as TokenSet, 'subject') : undefined) ?? undefined;
  if (subject === undefined) return undefined;
  if (typeof subject !== 'string' || subject === '') {
    throw wrongTokens(`the option subject must be a non-empty string.${given(subject)}`);
  }
  const named = identityOf({ idToken: grant.idToken }).subject;
  if (named === undefined) return subject;
  if (named === subject) return undefined;
  throw wrongTokens(
    'the option subject is not the sub of the ID token. Leave it out: the ID token names the user.',
  );
}
