/**
 * Determines the meaning of a token endpoint's error response for the session.
 *
 * @module
 */

import { ConfigurationError } from '../errors.ts';
import { explain } from '../explain.ts';
import { emptyObject, isJsonObject } from '../own-members.ts';
import { isThenable } from '../platform-class.ts';
import type { FailureClass, ProviderProfile, TokenErrorResponse } from './provider-profile.ts';
import { isErrorCode } from './server-error-details.ts';
import { nonEmptyString } from './token-grant.ts';

type Members = Readonly<Record<string, unknown>>;

/** The class of a refusal, and the error code from the server. */
export interface ClassifiedFailure {
  readonly failure: FailureClass;
  readonly error: string | undefined;
  /** Reason why the result of the profile could not be used. */
  readonly classifyError?: unknown;
}

/** The standard codes and additional codes of servers. Every other code is `client`. */
const standardErrors: readonly (readonly [FailureClass, RegExp])[] = [
  [
    'invalid-grant',
    // GitHub and HubSpot have the second one, Slack the next three
    /^(?:invalid_grant|bad_refresh_token|invalid_refresh_token|token_revoked|token_expired|invalid_token|token_inactive)$/i,
  ],
  [
    'interaction-required',
    /^(?:interaction_required|login_required|consent_required|mfa_required|insufficient_user_authentication)$/i,
  ],
  [
    'transient',
    // ReachFive has the fourth one. With the last one (RFC 9449 §8) the refresh token was not even looked at.
    /^(?:temporarily_unavailable|server_error|slow_down|rate_limit_reached|use_dpop_nonce)$/i,
  ],
];

function classOfCode(code: string): FailureClass | undefined {
  return standardErrors.find(([, codes]) => codes.test(code))?.[0];
}

/**
 * Classifies a refusal, by the first of these that applies: the profile's `classify`; the status, because the body of a 5xx or 429
 * proves nothing about the grant; the profile's own error codes; the standard error codes.
 *
 * @param body Result of `parseBody`.
 * @see RFC 6749 §5.2
 */
export function classifyFailure(
  status: number,
  body: unknown,
  profile: ProviderProfile | undefined,
  contentType: string | null = null,
): ClassifiedFailure {
  const values = errorValues(body, profile);
  const own = profile?.errorCodes ?? emptyObject;
  const declared = values.find((value) => Object.hasOwn(own, value));
  const standard = values.find(classOfCode);
  const error = declared ?? standard ?? values.find(isErrorCode);
  const byProfile = classifyByProfile(profile, { status, body, error, contentType });
  const known = declared === undefined ? undefined : own[declared];
  const meaning = isTransientStatus(status) ? 'transient' : (known ?? standardClass(status, body, standard));
  return { ...byProfile, failure: byProfile.failure ?? meaning, error };
}

const classes: readonly unknown[] = ['invalid-grant', 'interaction-required', 'client', 'transient'];

/** Statuses that describe the server's condition, even if a profile would classify the body. */
const transientStatuses: readonly number[] = [408, 425, 429, 502, 503, 504];

/** Calls `classify` of the profile. This is user code, so a thrown error or an invalid result does not classify the failure. */
function classifyByProfile(
  profile: ProviderProfile | undefined,
  response: TokenErrorResponse,
): { readonly failure?: FailureClass | undefined; readonly classifyError?: unknown } {
  if (profile?.classify === undefined || transientStatuses.includes(response.status)) return emptyObject;
  try {
    const failure: unknown = profile.classify(response);
    if (failure === undefined || classes.includes(failure)) return { failure: failure as FailureClass };
    if (isThenable(failure)) Promise.resolve(failure).catch(() => undefined);
    const allowed = classes.map((one) => `'${one}'`).join(', ');
    throw new ConfigurationError(
      `profile.classify() ${explain('server-profile', `must return ${allowed} or undefined, at once.`)}`,
    );
  } catch (error) {
    return { classifyError: error ?? 'profile.classify() threw nothing.' };
  }
}

/** Checks whether a status describes the server's own condition. Such a status is no evidence about the grant. */
export function isTransientStatus(status: number): boolean {
  return status >= 500 || status === 408 || status === 425 || status === 429;
}

function standardClass(status: number, body: unknown, code: string | undefined): FailureClass {
  if (status === 404 || status === 412) return 'client';
  const standard = code === undefined ? undefined : classOfCode(code);
  if (standard === 'invalid-grant' && requiresInteraction(body)) return 'interaction-required';
  if (standard === 'invalid-grant' && !canMeanInvalidGrant(status)) return 'client';
  // A token endpoint sends a reason. A web page or an empty body comes from an intermediary: a portal, a firewall.
  return standard ?? (body === undefined ? 'transient' : 'client');
}

/**
 * Checks whether a status can mean a dead grant: 400 by RFC 6749 §5.2; 403 from Auth0 and Atlassian; 200 from GitHub and Slack.
 */
function canMeanInvalidGrant(status: number): boolean {
  return status < 300 || status === 400 || status === 401 || status === 403;
}

/** Checks for `invalid_grant` of a valid grant: Entra requires claims or a second factor, Google's policy a new sign-in. */
function requiresInteraction(body: unknown): boolean {
  // It contained a code, so it has members.
  const {
    claims,
    error_subtype: subtype,
    error_codes: numbers,
    error_description: description,
  } = body as Members;
  return (
    nonEmptyString(claims) !== undefined ||
    subtype === 'invalid_rapt' ||
    (Array.isArray(numbers) && numbers.some((number) => number === 50076 || number === 50158)) ||
    /^AADSTS(50076|50158)\b/.test(nonEmptyString(description) ?? '')
  );
}

function errorValues(body: unknown, profile: ProviderProfile | undefined): string[] {
  if (!isJsonObject(body)) return [];
  const fields = profile?.errorFields ?? ['error'];
  return fields.flatMap((field) => nonEmptyString(body[field]) ?? []);
}
