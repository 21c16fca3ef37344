/** Responses of the backend itself, and the headers of all responses. */
import { isTokenKeepError } from 'tokenkeep';

export const refused = (status: number, error_code: string): Response =>
  Response.json({ error_code }, { status });

/** Only `ERR_LOGIN_REQUIRED` is the end of a session. After all else the page may try again. */
export function failed(error: unknown): Response {
  const code = isTokenKeepError(error) ? error.code : undefined;
  if (code === 'ERR_LOGIN_REQUIRED') return refused(401, 'session_expired');
  if (code === 'ERR_LOGIN_FAILED') return refused(400, 'authorization_error');
  if (error instanceof SyntaxError) return refused(400, 'invalid_request');
  console.error(error);
  return refused(502, 'server_error');
}

export const headers: Map<string, string> = new Map([
  ['cache-control', 'no-store'],
  [
    'content-security-policy',
    "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'",
  ],
  ['referrer-policy', 'no-referrer'], // the URL of a callback is nobody's business
  ['x-content-type-options', 'nosniff'],
]);
