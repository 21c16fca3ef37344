/**
 * Sending a revocation request (RFC 7009): unlike a grant it may be sent twice.
 *
 * @module
 */
import type { BuiltRequest } from '../core/grant.ts';
import { RedirectFollowedError } from '../core/redirect.ts';
import { readRetryAfter } from '../core/retry-after.ts';
import { notRevoked, type RevocationResult } from '../core/revocation.ts';
import { safeCause } from '../core/transport-failure.ts';
import { isOnline } from './platform.ts';
import { discardAnswer, readText } from './read-text.ts';
import { type Carrier, sendOnce } from './round-trip.ts';
import { deadline, leavingOn, timeoutError } from './waiting.ts';

/** The pause before the second attempt, unless the server names one, in ms. */
const pause = 300;
/** A server that asks for a longer pause is not asked again, in ms. */
const longestPause = 2_000;

/** A result, and after how many ms it is worth a second attempt. */
interface Attempted {
  readonly result: RevocationResult;
  readonly retryAfter?: number | undefined;
}

/**
 * Sends a revocation request, and once more after a network error or a 503, which means that the token still exists
 * (RFC 7009 §2.2.1). Every 2xx confirms. Never rejects.
 */
export async function sendRevocation(request: BuiltRequest, carrier: Carrier): Promise<RevocationResult> {
  const first = await attempt(request, carrier);
  const { retryAfter } = first;
  if (retryAfter === undefined || retryAfter > longestPause) return first.result;
  if (retryAfter > 0) {
    await new Promise<void>((resume) => {
      carrier.clock.setTimeout(resume, retryAfter);
    });
  }
  return (await attempt(request, carrier)).result;
}

async function attempt(request: BuiltRequest, { transport, clock, timeout }: Carrier): Promise<Attempted> {
  const { answered, secrets } = request;
  const { signal, clear } = deadline(clock, timeout, () => timeoutError(timeout));
  try {
    const response = await sendOnce(request, transport, signal);
    if (!response.ok) return await refused(response, signal, clock.now());
    if (answered === undefined) discardAnswer(response);
    else
      await leavingOn(readText(response), signal).then((text) =>
        answered(typeof text === 'string' ? text : ''),
      );
    return { result: { revoked: true } };
  } catch (error) {
    const cause = safeCause(error, secrets);
    if (error instanceof RedirectFollowedError) return { result: notRevoked('redirected', { cause }) };
    if (signal.aborted) return { result: notRevoked('timed_out', { cause }) };
    return { result: notRevoked(isOnline() ? 'unreachable' : 'offline', { cause }), retryAfter: pause };
  } finally {
    clear();
  }
}

async function refused(response: Response, signal: AbortSignal, now: number): Promise<Attempted> {
  const { status, headers } = response;
  const text = await leavingOn(readText(response), signal).catch(() => ''); // the status says enough
  if (typeof text === 'string' && text.includes('unsupported_token_type')) {
    return { result: notRevoked('unsupported', { status }) };
  }
  const asked = headers.get('retry-after') ?? headers.get('x-retry-after');
  const retryAfter = status === 503 ? (readRetryAfter(asked, now) ?? pause) : undefined;
  return { result: notRevoked('refused', { status }), retryAfter };
}
