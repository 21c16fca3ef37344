/**
 * The errors of RFC 6749 §5.2 and §2.3.1, RFC 7009 §2.2.1, RFC 8707 §2 and RFC 9449 §5 and §8, as the server's code throws
 * them.
 *
 * @module
 */
import { DpopProofError } from './dpop-proof-error.ts';
import type { ServerResponse } from './http-exchange.ts';
import { json } from './http-exchange.ts';

/** The OAuth error codes of the test server. */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'
  | 'invalid_scope'
  | 'invalid_target'
  | DpopProofError['code'];

/** A request that the server refuses. */
export class OAuthServerError extends Error {
  readonly code: OAuthErrorCode;
  readonly headers: ServerResponse['headers'];

  constructor(code: OAuthErrorCode, description: string, headers: ServerResponse['headers'] = {}) {
    super(description);
    this.code = code;
    this.headers = headers;
  }

  /** Returns the refusal as a response. */
  toResponse(): ServerResponse {
    const status = this.code === 'invalid_client' ? 401 : 400;
    return json(
      status,
      { error: this.code, error_description: this.message },
      { pragma: 'no-cache', ...this.headers },
    );
  }
}

/** Returns the response to an error of the server's code. A refusal becomes a response, every other error is thrown again. */
export function responseToError(error: unknown): ServerResponse {
  if (error instanceof OAuthServerError) return error.toResponse();
  if (error instanceof DpopProofError) {
    return new OAuthServerError(error.code, error.message, error.headers).toResponse();
  }
  throw error;
}
