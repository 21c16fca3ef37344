import type { RawTokenResponse } from '../../src/core/oauth/token-response.ts';

/** 2026-01-01T00:00:00Z */
export const now = 1_767_225_600_000;

/** An answer of a token endpoint. An object becomes JSON, a string is the body as it is. */
export function answered(
  status: number,
  body: unknown,
  headers: Partial<RawTokenResponse> = {},
): RawTokenResponse {
  return {
    status,
    contentType: 'application/json',
    retryAfter: null,
    date: null,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...headers,
  };
}

/** A JWT with these claims, unsigned. A string is the payload as it is. */
export function jwt(claims: unknown): string {
  const part = (value: string) => Buffer.from(value).toString('base64url');
  const payload = typeof claims === 'string' ? claims : JSON.stringify(claims);
  return `${part('{"alg":"RS256","typ":"JWT"}')}.${part(payload)}.${part('signature')}`;
}
