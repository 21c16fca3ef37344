/**
 * Revocation requests (RFC 7009). Unlike a grant, a revocation may be sent twice.
 *
 * @module
 */

import { abortable, deadline, startTimer } from '../async/abortable.ts';
import { safeCause } from '../core/http/network-error.ts';
import { RedirectFollowedError } from '../core/http/redirect.ts';
import { readRetryAfter } from '../core/http/retry-after.ts';
import type { BuiltRequest } from '../core/oauth/grant.ts';
import { notRevoked, type RevocationResult } from '../core/oauth/revocation-result.ts';
import { isOnline } from '../platform/environment.ts';
import { discardBody, type HttpTransport, readText, sendOnce } from './send-request.ts';

/** Pause before the second attempt in ms, unless the server names one. */
const retryPause = 300;
/** Longest pause that a server can request for a second attempt, in ms. */
const maxRetryPause = 2_000;

/** A result, and the pause in ms after which a second attempt is worthwhile. */
interface RevocationAttempt {
  readonly result: RevocationResult;
  readonly retryAfter?: number | undefined;
}

/**
 * Sends a revocation request, and once more after a network error or a 503, which means that the token still exists
 * (RFC 7009 §2.2.1). Every 2xx confirms. Never rejects.
 */
export async function sendRevocation(request: BuiltRequest, http: HttpTransport): Promise<RevocationResult> {
  const first = await sendAttempt(request, http);
  const { retryAfter } = first;
  if (retryAfter === undefined || retryAfter > maxRetryPause) return first.result;
  if (retryAfter > 0) {
    await new Promise<void>((resume) => {
      startTimer(http.clock, resume, retryAfter);
    });
  }
  return (await sendAttempt(request, http)).result;
}

async function sendAttempt(
  request: BuiltRequest,
  { transport, clock, timeout }: HttpTransport,
): Promise<RevocationAttempt> {
  const { onSuccess, secrets } = request;
  const { signal, clear } = deadline(clock, timeout);
  try {
    const response = await sendOnce(request, transport, signal);
    if (!response.ok) return await refusedAttempt(response, signal, clock.Date.now());
    if (onSuccess === undefined) discardBody(response);
    else
      await abortable(readText(response), signal).then((text) =>
        onSuccess(typeof text === 'string' ? text : ''),
      );
    return { result: { revoked: true } };
  } catch (error) {
    const cause = safeCause(error, secrets);
    if (error instanceof RedirectFollowedError) return { result: notRevoked('redirected', { cause }) };
    if (signal.aborted) return { result: notRevoked('timed_out', { cause }) };
    return { result: notRevoked(isOnline() ? 'unreachable' : 'offline', { cause }), retryAfter: retryPause };
  } finally {
    clear();
  }
}

async function refusedAttempt(
  response: Response,
  signal: AbortSignal,
  now: number,
): Promise<RevocationAttempt> {
  const { status, headers } = response;
  const text = await abortable(readText(response), signal).catch(() => ''); // the status suffices
  if (typeof text === 'string' && text.includes('unsupported_token_type')) {
    return { result: notRevoked('unsupported', { status }) };
  }
  const retryAfterHeader = headers.get('retry-after') ?? headers.get('x-retry-after');
  const retryAfter = status === 503 ? (readRetryAfter(retryAfterHeader, now) ?? retryPause) : undefined;
  return { result: notRevoked('refused', { status }), retryAfter };
}
