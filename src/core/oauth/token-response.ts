/**
 * Interprets the response of a token endpoint tolerantly: the refresh token is spent when the response arrives, so a grant that
 * is rejected for its form would be lost permanently.
 *
 * @module
 */

import { readHttpDate, readRetryAfter } from '../http/retry-after.ts';
import { emptyObject, isJsonObject } from '../own-members.ts';
import type { FailureClass, ProviderProfile } from './provider-profile.ts';
import { withoutControls } from './server-error-details.ts';
import { classifyFailure } from './token-error.ts';
import {
  namesError,
  nonEmptyString,
  omitMembers,
  parseBody,
  readTokenGrant,
  type TokenGrant,
} from './token-grant.ts';

type Members = Readonly<Record<string, unknown>>;

/** A complete response of a token endpoint. */
export interface RawTokenResponse {
  /** HTTP status. `0`: a redirect that was not followed and whose status is hidden. */
  readonly status: number;
  /** Content type, for logs. No decision depends on it, because servers send wrong ones. */
  readonly contentType: string | null;
  readonly retryAfter: string | null;
  readonly date: string | null;
  readonly body: string;
}

/** The meaning of a response. */
export type TokenResponseOutcome =
  | { readonly kind: 'granted'; readonly grant: TokenGrant }
  | {
      readonly kind: 'refused';
      readonly failure: FailureClass;
      readonly status: number;
      /** Error code, if there is one. A sentence is not a code. */
      readonly error: string | undefined;
      /** Description for people, not yet limited to a line. May still contain a secret. */
      readonly description: string | undefined;
      /** Pause that the server requested, in ms. */
      readonly retryAfter: number | undefined;
      /** Members of the response except tokens: `claims`, `error_id`, … May still contain a secret. */
      readonly details: Readonly<Record<string, unknown>>;
      /** The value that the profile's `classify` threw. May contain a secret. */
      readonly classifyError?: unknown;
    }
  /** A 2xx that cannot be read, or a gateway error without a response of the server: the refresh token may be spent. */
  | { readonly kind: 'unreadable'; readonly status: number };

/**
 * Classifies a response of the token endpoint. Never throws.
 *
 * @param now Unix ms, when the request was sent or its response arrived. The response's `Date` corrects it.
 * @see RFC 6749 §5.1, §5.2
 */
export function parseTokenResponse(
  response: RawTokenResponse,
  profile: ProviderProfile | undefined,
  now: number,
): TokenResponseOutcome {
  const { status } = response;
  const isSuccess = status >= 200 && status < 300;
  if (!isSuccess && !(status >= 400)) return redirectedOutcome(status);
  const serverNow = readHttpDate(response.date) ?? now;
  const body = parseBody(response.body);
  const members: Members = isJsonObject(body) ? body : emptyObject;
  const grant = namesError(members) ? undefined : readTokenGrant(members, profile, serverNow);
  // A failure with both tokens and without an error comes from a server that failed after the rotation: a fatal error during its
  // shutdown, or a gateway that maps statuses. Dropping the only copy of the successor would end the session.
  if (grant !== undefined && (isSuccess || grant.refreshToken !== undefined))
    return { kind: 'granted', grant };
  if (isSuccess ? !looksLikeRefusal(members, profile) : isFromGateway(status, members))
    return { kind: 'unreadable', status };
  return {
    kind: 'refused',
    ...classifyFailure(status, body, profile, response.contentType),
    status,
    description: describe(members),
    retryAfter: readRetryAfter(response.retryAfter, serverNow),
    details: omitMembers(members, hiddenMembers),
  };
}

function redirectedOutcome(status: number): TokenResponseOutcome {
  const description = 'The token endpoint redirected. Refresh tokens are not sent to another address.';
  return {
    kind: 'refused',
    failure: 'client',
    status,
    error: undefined,
    description,
    retryAfter: undefined,
    details: {},
  };
}

/**
 * Checks whether a gateway reports that it received no response (RFC 9110 §15.6.3, §15.6.5). It is then unknown whether the token
 * endpoint has processed the request. A token endpoint that reports this about a server behind it names an error.
 */
function isFromGateway(status: number, members: Members): boolean {
  return (status === 502 || status === 504) && !namesError(members);
}

const errorMembers = ['error', 'errors', 'error_code', 'error_description'];

/**
 * Checks whether a 2xx without an access token reads like a refusal. In doubt it does not, because a refusal leaves the refresh
 * token unspent. A bare `message` is therefore not a refusal, nor is a response with a new refresh token.
 */
function looksLikeRefusal(members: Members, profile: ProviderProfile | undefined): boolean {
  if (namesError(members)) return true;
  if (nonEmptyString(members['refresh_token']) !== undefined) return false;
  const { errorFields = [], errorCodes = {} } = profile ?? emptyObject;
  return (
    errorMembers.some((field) => Boolean(members[field])) ||
    errorFields.some((field) => Object.hasOwn(errorCodes, nonEmptyString(members[field]) ?? ''))
  );
}

/** Tokens, and the members that `description` contains in a form that may be shown. */
const hiddenMembers: ReadonlySet<string> = new Set([
  'access_token',
  'refresh_token',
  'id_token',
  'error_description',
]);

/** Maximum length of a description, in characters. */
const maxDescriptionLength = 10_000;

function describe(members: Members): string | undefined {
  const { error, error_description: description, message } = members;
  const sentence = /\s/.test(nonEmptyString(error) ?? '') ? error : undefined;
  const text = nonEmptyString(description) ?? nonEmptyString(message) ?? nonEmptyString(sentence);
  // The text is cut to a line only after redaction, so that it cannot end with a part of a secret.
  return nonEmptyString(text && withoutControls(text.slice(0, maxDescriptionLength)));
}
