/**
 * Sending a revocation request (RFC 7009): unlike a grant it may be sent again, so ky's retries serve it.
 *
 * @module
 */
import ky from 'ky';
import type { BuiltRequest } from '../core/grant.ts';
import { readText } from './read-text.ts';
import type { Carrier } from './round-trip.ts';
import { deadline, leavingOn } from './waiting.ts';

/**
 * Sends a revocation request. 503 means that the token still exists (RFC 7009 §2.2.1): it is sent once more, after
 * `Retry-After` if that is short. Every 2xx confirms; ReachFive answers 204.
 *
 * @throws what ky throws for a network that fails, and for the second 503.
 */
export async function revoked(
  { url, init, answered }: BuiltRequest,
  { transport, clock, timeout }: Carrier,
  signal: AbortSignal | undefined,
): Promise<'revoked' | 'unsupported' | 'failed'> {
  const response = await ky.post(url, {
    headers: new Headers(init.headers),
    body: init.body as string,
    redirect: 'manual',
    ...(init.credentials && { credentials: init.credentials }),
    // Not a method call: a bare `fetch` must not get a `this`.
    fetch: (input, settings) => transport(input, settings),
    retry: { limit: 1, methods: ['post'], statusCodes: [503], afterStatusCodes: [503], maxRetryAfter: 2_000 },
    // ky tries again only what it would throw for; the second 503 is thrown.
    throwHttpErrors: (status) => status === 503,
    timeout,
    ...(signal && { signal }),
  });
  if (response.ok && answered === undefined) {
    response.body?.cancel().catch(() => undefined);
    return 'revoked';
  }
  // ky's timeout is over when the headers are there; the body may have no end.
  const late = deadline(clock, timeout, () => new Error(`No answer within ${timeout} ms.`));
  const text = await leavingOn(readText(response), late.signal).finally(late.clear);
  if (response.ok) {
    answered?.(typeof text === 'string' ? text : '');
    return 'revoked';
  }
  return typeof text === 'string' && text.includes('unsupported_token_type') ? 'unsupported' : 'failed';
}
