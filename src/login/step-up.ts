/**
 * Makes the requirements of an API part of the next login (RFC 9470 §4).
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import type { StepUp } from '../core/http/rejection.ts';
import { fromUtf8 } from '../core/utf8.ts';
import type { LoginRequest } from './login-options.ts';

/** The members of the event `stepUpRequired` that are used, if present. */
export type StepUpRequest = { readonly [name in keyof StepUp]?: StepUp[name] | undefined };

/**
 * Returns the options of a login that meets the requirements of the event `stepUpRequired`: its scopes beside the usual ones, because
 * the tokens of the login replace those of the session; its `acr_values`; its claims beside those of the application; and the
 * shorter of two `max_age`.
 *
 * An API can require anything. Check its requirements, above all `scope`, before you ask the user for consent.
 *
 * @example
 * ```ts
 * import { startLogin, withStepUp } from 'tokenkeep/login';
 * import { discover, TokenManager } from 'tokenkeep';
 *
 * const client = { clientId: 'my-app', authorizationServer: discover('https://auth.example.com') };
 * const manager = new TokenManager({ ...client, protectedResources: ['https://api.example.com/'] });
 * const login = {
 *   ...client,
 *   redirectUri: 'https://app.example.com/callback',
 *   scope: ['openid', 'offline_access'],
 *   pending: sessionStorage,
 * };
 *
 * manager.on('stepUpRequired', async (event) => {
 *   const { url } = await startLogin(withStepUp(login, event)); // afterwards the call can be made once more
 *   location.assign(url);
 * });
 * ```
 * @param stepUp The event, unchanged; or the requirements of a token endpoint that refused a refresh, such as `{ claims }`.
 * @throws ConfigurationError if `stepUp` is not such an event, and for claims that cannot be parsed.
 * @see RFC 9470 §4
 */
export function withStepUp<Options extends LoginRequest>(options: Options, stepUp: StepUpRequest): Options {
  const { scope: more = [], acrValues = [], maxAge, claims } = checkStepUp(stepUp);
  const { scope = [], parameters = {}, maxAge: ownMaxAge } = options;
  const requested: Record<string, string> = {};
  if (acrValues.length > 0) requested['acr_values'] = acrValues.join(' ');
  if (maxAge !== undefined) {
    const own = maxAgeOf(parameters['max_age'] ?? String(ownMaxAge));
    requested['max_age'] = String(Math.min(maxAge, own));
  }
  if (claims !== undefined) {
    const own = readClaims('parameters.claims', parameters['claims'] ?? '{}');
    requested['claims'] = JSON.stringify(mergeClaims(own, readClaims('stepUp.claims', claims)));
  }
  return {
    ...options,
    scope: [...new Set([...scope, ...more])],
    parameters: { ...parameters, ...requested },
  };
}

function checkStepUp(stepUp: StepUpRequest): StepUpRequest {
  const { scope = [], acrValues = [], maxAge = 0, claims = '' } = Object(stepUp) as StepUpRequest;
  const isFine =
    typeof stepUp === 'object' &&
    stepUp !== null &&
    isScopeList(scope) &&
    isScopeList(acrValues) &&
    Number.isSafeInteger(maxAge) &&
    maxAge >= 0 &&
    typeof claims === 'string';
  if (isFine) return stepUp;
  throw new ConfigurationError(
    explain('step-up', 'withStepUp(options, stepUp): stepUp must be the event stepUpRequired.'),
  );
}

const isScopeList = (value: unknown): boolean =>
  Array.isArray(value) && value.every((one) => typeof one === 'string' && /^[!#-[\]-~]+$/.test(one));

type Claims = Readonly<Record<string, unknown>>;

/** Parses claims: JSON, or its base64 in either alphabet, which Microsoft's APIs send. */
function readClaims(name: string, text: string): Claims {
  for (const decode of [() => text, () => fromBase64(text)]) {
    try {
      const claims: unknown = JSON.parse(decode());
      if (isObject(claims)) return claims;
    } catch {
      // try the other one, or throw below
    }
  }
  throw new ConfigurationError(
    explain('step-up', `withStepUp(options, stepUp): ${name} must be a JSON object, or the base64 of one.`),
  );
}

function fromBase64(text: string): string {
  return fromUtf8(atob(text.replaceAll('-', '+').replaceAll('_', '/')));
}

/** Merges claims, which are grouped by their place (OpenID Connect Core §5.5): `id_token`, `userinfo`, `access_token`. */
function mergeClaims(own: Claims, requested: Claims): Claims {
  const merged: Record<string, unknown> = { ...own };
  for (const [member, value] of Object.entries(requested)) {
    const existing = own[member];
    merged[member] = isObject(existing) && isObject(value) ? { ...existing, ...value } : value;
  }
  return merged;
}

const isObject = (value: unknown): value is Claims =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const maxAgeOf = (text: string): number => (/^\d+$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY);
