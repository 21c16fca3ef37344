/**
 * Judges the access token of a request by its response.
 *
 * @module
 */

import type { Transport } from '../core/contracts.ts';
import type { AnyTokenEvent } from '../core/events.ts';
import { member } from '../core/own-members.ts';
import type { NamedResource, ResourceMatcher } from '../core/protected-resource.ts';
import { redact } from '../core/redact.ts';
import { answeredElsewhere } from '../core/redirect.ts';
import { judgeRejection, withMissing } from '../core/rejection.ts';
import { safeCause } from '../core/transport-failure.ts';
import { asks, type InvalidTokenPredicate } from './invalid-token.ts';
import { discardBody, type Outgoing } from './outgoing.ts';
import type { Held, Session } from './session.ts';
import type { FullClock } from './waiting.ts';

/** The judgement of a token by a response. */
export type Verdict = 'fine' | 'invalid' | 'unclear';

/** Dependencies of {@link judge}. */
export interface JudgeOptions {
  readonly transport: Transport;
  readonly match: ResourceMatcher;
  readonly isInvalidToken: InvalidTokenPredicate | undefined;
  readonly clock: FullClock;
  /** How long the predicate may take, in ms. */
  readonly timeout: number;
  readonly tell: (event: AnyTokenEvent) => void;
}

/** The call that was answered. */
export interface AnsweredCall {
  readonly session: Session;
  readonly resource: NamedResource;
  readonly request: Outgoing;
}

/** @throws the reason of the caller's signal, if it aborts while the predicate is asked. */
export async function judge(
  options: JudgeOptions,
  asked: AnsweredCall,
  response: Response,
  held: Held,
): Promise<Verdict> {
  const { status } = response;
  if (isFromElsewhere(options, asked, response)) return 'fine';
  if (options.isInvalidToken !== undefined && (await isSaidInvalid(options, asked, response, held)))
    return 'invalid';
  if (status !== 401 && status !== 403) return 'fine';
  const challenge = response.headers.get('www-authenticate');
  const rejection = judgeRejection(status, challenge);
  if (rejection.kind === 'step-up') {
    // The challenge may contain the token, so it is redacted. Redacting is expensive, and only this event shows the challenge.
    const told = judgeRejection(status, redact(challenge ?? '', [held.token]));
    if (told.kind === 'step-up') {
      const { session, request } = asked;
      const stepUp = withMissing(told.stepUp, held.scope);
      options.tell({ type: 'stepUpRequired', ...session.about(held.login), url: request.url, ...stepUp });
    }
  }
  if (rejection.kind === 'invalid-token') return 'invalid';
  return rejection.kind === 'unclear' ? 'unclear' : 'fine';
}

/**
 * After a redirect that the platform or the transport followed, the token stayed behind or went where it was not to go: the
 * answer says nothing about it.
 */
function isFromElsewhere(
  { transport, match }: JudgeOptions,
  { resource, request }: AnsweredCall,
  response: Response,
): boolean {
  const { redirected } = response;
  const source = member(transport, 'redirects') === 'manual' ? { redirected } : response;
  if (answeredElsewhere(request.url, source) === undefined) return false;
  return match(response.url)?.url !== resource.url;
}

/** A predicate that fails says nothing, and the call goes on. */
async function isSaidInvalid(
  { isInvalidToken, tell, clock, timeout }: JudgeOptions,
  { session, resource, request }: AnsweredCall,
  response: Response,
  held: Held,
): Promise<boolean> {
  const { signal } = request;
  try {
    return await asks(isInvalidToken as InvalidTokenPredicate, response, { clock, timeout, signal });
  } catch (error) {
    if (signal?.aborted === true) {
      discardBody(response);
      throw error;
    }
    const cause = safeCause(error, [held.token]);
    tell({ type: 'predicateFailed', ...session.about(held.login), resource: resource.url, error: cause });
    return false;
  }
}
