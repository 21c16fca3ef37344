/** The response to each error, and its line in the log. */
import { isTokenKeepError } from 'tokenkeep';
import type { Answer } from './service.ts';

export function answerTo(error: unknown): Answer {
  if (!isTokenKeepError(error)) {
    // Errors of fetch: no network, no response in time.
    console.error(error);
    return { status: 502, body: 'The API cannot be reached.\n' };
  }
  switch (error.code) {
    case 'ERR_LOGIN_REQUIRED':
      return { status: 401, body: 'Log in at /login.\n' };
    case 'ERR_LOGIN_FAILED':
      return { status: error.reason === 'no_response' ? 503 : 403, body: 'Log in once more at /login.\n' };
    case 'ERR_CONFIGURATION':
      console.error(error);
      return { status: 500, body: 'The service is not set up as it should be.\n' };
    default: {
      console.error(error.message);
      const wait = 'retryAfter' in error ? (error.retryAfter ?? 0) : 0;
      const headers = { 'retry-after': String(Math.max(1, Math.ceil(wait / 1000))) };
      return { status: 503, headers, body: 'You are still logged in. Try again.\n' };
    }
  }
}
