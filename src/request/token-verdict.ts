/**
 * Judges the access token of a request by its response.
 *
 * @module
 */

import { safeCause } from '../core/http/network-error.ts';
import type { NamedResource } from '../core/http/protected-resource.ts';
import { otherResponseOrigin } from '../core/http/redirect.ts';
import { classifyRejection, withMissingScope } from '../core/http/rejection.ts';
import { readMember } from '../core/own-members.ts';
import { redact } from '../core/redact.ts';
import type { ManagerContext } from '../session/manager-context.ts';
import type { CachedToken, Session } from '../session/session.ts';
import { askPredicate, type InvalidTokenPredicate } from './invalid-token.ts';
import { discardBody, type ReplayableRequest } from './replayable-request.ts';

/** The judgement of a token by a response. */
export type TokenVerdict = 'not-rejected' | 'invalid' | 'unclear';

/** The call that was answered. */
export interface AnsweredCall {
  readonly session: Session;
  readonly resource: NamedResource;
  readonly request: ReplayableRequest;
}

/** @throws the reason of the caller's signal, if it aborts while the predicate is asked. */
export async function judgeToken(
  context: ManagerContext,
  call: AnsweredCall,
  response: Response,
  cached: CachedToken,
): Promise<TokenVerdict> {
  const { status } = response;
  if (isFromOtherOrigin(context, call, response)) return 'not-rejected';
  if (context.isInvalidToken !== undefined && (await isInvalidByPredicate(context, call, response, cached)))
    return 'invalid';
  if (status !== 401 && status !== 403) return 'not-rejected';
  const challenge = response.headers.get('www-authenticate');
  const rejection = classifyRejection(status, challenge);
  if (rejection.kind === 'step-up') {
    // The challenge may contain the token, so it is redacted. Redacting is expensive, and only this event shows the challenge.
    const redacted = classifyRejection(status, redact(challenge ?? '', [cached.token]));
    if (redacted.kind === 'step-up') {
      const { session, request } = call;
      const stepUp = withMissingScope(redacted.stepUp, cached.scope);
      context.emit({
        type: 'stepUpRequired',
        ...session.eventContext(cached.login),
        url: request.url,
        ...stepUp,
      });
    }
  }
  if (rejection.kind === 'invalid-token') return 'invalid';
  return rejection.kind === 'unclear' ? 'unclear' : 'not-rejected';
}

/**
 * After a redirect that the platform or the transport followed, the token stayed behind or went where it was not to go: the
 * answer says nothing about it.
 */
function isFromOtherOrigin(
  { transport, match }: ManagerContext,
  { resource, request }: AnsweredCall,
  response: Response,
): boolean {
  const { redirected } = response;
  const source = readMember(transport, 'redirects') === 'manual' ? { redirected } : response;
  if (otherResponseOrigin(request.url, source) === undefined) return false;
  return match(response.url)?.url !== resource.url;
}

/** A predicate that fails says nothing, and the call goes on. */
async function isInvalidByPredicate(
  { isInvalidToken, emit, clock, timeout }: ManagerContext,
  { session, resource, request }: AnsweredCall,
  response: Response,
  cached: CachedToken,
): Promise<boolean> {
  const { signal } = request;
  try {
    return await askPredicate(isInvalidToken as InvalidTokenPredicate, response, { clock, timeout, signal });
  } catch (error) {
    if (signal?.aborted === true) {
      discardBody(response);
      throw error;
    }
    const cause = safeCause(error, [cached.token]);
    emit({
      type: 'predicateFailed',
      ...session.eventContext(cached.login),
      resource: resource.url,
      error: cause,
    });
    return false;
  }
}
