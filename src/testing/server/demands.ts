/**
 * Requirements of the API beyond a valid token: more scope, or a better login (RFC 6750 §3.1, RFC 9470).
 *
 * @module
 */

import type { ServerResponse } from './http-exchange.ts';
import type { AccessToken } from './issued-tokens.ts';
import type { LoginDetails } from './login-registry.ts';
import { insufficientClaims, insufficientScope, insufficientUserAuthentication } from './refusals.ts';

/** Requirements of calls. */
export interface Demand {
  /** Path of the calls that are meant, and of all beneath it. @default '/' */
  readonly path?: string;
  readonly scope?: readonly string[];
  /** Authentication contexts, any of which is sufficient. */
  readonly acrValues?: readonly string[];
  /** Maximum time since the user signed in, in seconds. A refresh does not count as a login. */
  readonly maxAge?: number;
  /** Claims of access tokens that the login must have requested, as Microsoft's APIs require. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** The current demands. */
export class Demands {
  readonly #demands = new Set<Demand>();

  /** Adds a demand. Returns a function that removes it. */
  add(demand: Demand): () => void {
    this.#demands.add(demand);
    return () => void this.#demands.delete(demand);
  }

  /** Returns the response to a call with a valid token that does not meet the demands. */
  refusal(token: AccessToken, path: string, login: LoginDetails, now: number): ServerResponse | undefined {
    for (const demand of this.#demands) {
      if (isWithin(path, demand.path ?? '/')) {
        const refusal = unmet(demand, token, login, now);
        if (refusal !== undefined) return refusal;
      }
    }
    return undefined;
  }
}

function unmet(
  demand: Demand,
  token: AccessToken,
  login: LoginDetails,
  now: number,
): ServerResponse | undefined {
  const { scope = [], acrValues, maxAge, claims } = demand;
  const isWeak = acrValues !== undefined && !acrValues.includes(login.acr ?? '');
  const isOld = maxAge !== undefined && now - token.family.startedAt > maxAge * 1000;
  if (isWeak || isOld) {
    return insufficientUserAuthentication({
      ...(acrValues !== undefined && { acrValues: acrValues.join(' ') }),
      ...(maxAge !== undefined && { maxAge }),
    });
  }
  if (claims !== undefined && !hasAsked(login.claims, claims))
    return insufficientClaims({ access_token: claims });
  const isNarrow = scope.some((one) => !token.scope.includes(one));
  return isNarrow ? insufficientScope(...scope) : undefined;
}

function hasAsked(text: string | undefined, claims: Readonly<Record<string, unknown>>): boolean {
  const requestedClaims =
    (JSON.parse(text ?? '{}') as { access_token?: Record<string, unknown> }).access_token ?? {};
  return Object.entries(claims).every(
    ([name, value]) => JSON.stringify(requestedClaims[name]) === JSON.stringify(value),
  );
}

function isWithin(path: string, demanded: string): boolean {
  return path === demanded || path.startsWith(demanded.endsWith('/') ? demanded : `${demanded}/`);
}
