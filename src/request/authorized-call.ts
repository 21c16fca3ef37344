/**
 * One call to a protected resource: sends the request, judges the token by the response, and sends the request once more with
 * another token if a challenge proves that the first one was rejected.
 *
 * @module
 */

import { isTokenKeepError } from '../core/errors.ts';
import { safeCause } from '../core/http/network-error.ts';
import type { NamedResource } from '../core/http/protected-resource.ts';
import { otherResponseOrigin } from '../core/http/redirect.ts';
import { classifyRejection, withMissingScope } from '../core/http/rejection.ts';
import { copyHeaders } from '../core/http/request-credentials.ts';
import { readMember } from '../core/own-members.ts';
import { redact } from '../core/redact.ts';
import type { LoginIdentity } from '../core/session/login-identity.ts';
import { isOnline } from '../platform/environment.ts';
import type { TokenSource } from '../refresh/token-source.ts';
import type { ManagerContext } from '../session/manager-context.ts';
import type { CachedToken, Session } from '../session/session.ts';
import { loginRequired } from '../session/session-errors.ts';
import { discardBody } from '../token-endpoint/send-request.ts';
import { askPredicate } from './invalid-token.ts';
import { followRedirect, initForPlatformRedirect } from './redirects.ts';
import type { ReplayableRequest } from './replayable-request.ts';
import type { RequestQueue } from './request-queue.ts';
import type { TokenTrials } from './token-trials.ts';

/** The judgement of a token by a response. */
type TokenVerdict =
  | 'accepted'
  /**
   * The resource has not judged the token: the server has failed, or the response concerns the request or comes from another
   * origin.
   */
  | 'says-nothing'
  | 'invalid'
  /** A 401 without a reason. */
  | 'unclear';

/** The start of a call that was redirected or that a page has begun. */
export interface CallOrigin {
  readonly hops: number;
  readonly login: LoginIdentity | undefined;
}

/** The services that all calls of a manager share. */
export interface CallServices {
  readonly context: ManagerContext;
  readonly source: TokenSource;
  readonly tokenTrials: TokenTrials;
  /** Sends a request in its turn. */
  readonly enqueue: RequestQueue;
  /** Sends the next hop of a redirect. Decides again which credentials its target receives, if any. */
  fetch(session: Session, url: string | Request, init: RequestInit, from: CallOrigin): Promise<Response>;
  /** Lets the platform follow redirects from now on, because the transport hides their targets. */
  hideRedirects(): void;
}

export class AuthorizedCall {
  readonly #services: CallServices;
  readonly #session: Session;
  /** Login that the call began under. If none was known, it is the first one that is found. */
  #login: LoginIdentity | undefined;
  readonly #resource: NamedResource;
  readonly #request: ReplayableRequest;
  /** Number of redirects that have led to this call. */
  readonly #hops: number;

  constructor(
    services: CallServices,
    session: Session,
    login: LoginIdentity | undefined,
    resource: NamedResource,
    request: ReplayableRequest,
    hops: number,
  ) {
    this.#services = services;
    this.#session = session;
    this.#login = login;
    this.#resource = resource;
    this.#request = request;
    this.#hops = hops;
  }

  /** Sends a request that has to wait for its credentials, or that must be copied before it is sent for the first time. */
  start(): Promise<Response> {
    const { clock, refreshBefore } = this.#services.context;
    const now = clock.Date.now();
    // A one-shot body cannot be sent again, so its token must last longer.
    const at = this.#request.kind === 'one-shot' ? now + refreshBefore : now;
    const cached = this.#session.usableToken(this.#resource.variant, at);
    // A request that needs a proof takes the same path as one that waits for a token.
    if (cached === undefined || cached.credentials.needsProof) return this.#sendWhenReady();
    // Sent during the call, as `fetch` does, so that the caller sees at once that the body is used.
    return this.#finish(cached, this.#send(cached, false));
  }

  /** Waits for a token and sends the request, in its turn if others have waited as well. */
  async #sendWhenReady(): Promise<Response> {
    const { source, context } = this.#services;
    const { kind, signal } = this.#request;
    const inMemory = this.#session.usableToken(this.#resource.variant, context.clock.Date.now());
    try {
      const cached = await source.get(this.#session, {
        ...this.#resource,
        login: this.#login,
        mustLast: kind === 'one-shot',
        signal,
      });
      this.#login = cached.login;
      const send = () => this.#send(cached, false);
      // Only calls that waited for a refresh use the queue, because many are released at once.
      const hasWaited = inMemory !== cached;
      return await this.#finish(cached, hasWaited ? this.#services.enqueue(send, signal) : send());
    } catch (error) {
      this.#request.cancel(error);
      throw error;
    }
  }

  /**
   * Sends the request.
   *
   * @param isReplay `true`: the request was already sent, with another token.
   */
  async #send(cached: CachedToken, isReplay: boolean): Promise<Response> {
    const { transport, clock } = this.#services.context;
    const request = this.#request;
    // While the request waited in the queue, another user may have signed in. Cookies would send it as that user.
    if (!this.#session.isSameLogin(cached.login)) throw loginRequired('login_changed');
    const transmit = async (proof?: string, isAgain?: boolean): Promise<Response> => {
      const input = isReplay || isAgain === true ? request.takeClone() : request.input;
      // A copy, because the transport may still use the earlier one.
      const init = { ...request.init };
      if (request.redirect !== undefined) init.redirect = request.redirect;
      if (init.headers !== undefined) init.headers = copyHeaders(init.headers);
      cached.credentials.attach(init, cached.token, proof);
      request.isSent = true;
      return await transport(input, init);
    };
    try {
      return await cached.credentials.send(request, cached.token, transmit, () => clock.Date.now());
    } catch (error) {
      return await this.#onFailure(cached, error);
    }
  }

  /**
   * Handles an error of the transport. If it may hide a 401, gets another token for the next call. Law replay-once allows no
   * replay of a request that may have been processed.
   *
   * @throws the same error
   */
  async #onFailure({ token }: CachedToken, error: unknown): Promise<never> {
    const { source, tokenTrials } = this.#services;
    const session = this.#session;
    const resource = this.#resource;
    // Compares the name, because the transport may be from another realm.
    const mayHide401 =
      resource.hides401 === true && (error as Error | null)?.name === 'TypeError' && isOnline();
    if (mayHide401 && tokenTrials.mayAssumeRejection(session, resource.url)) {
      const query = { ...resource, rejectedToken: token, signal: this.#request.signal };
      const other = await source.get(session, query).catch(() => undefined);
      if (other !== undefined) tokenTrials.sent(session, resource.url, other.token, true);
    }
    throw error;
  }

  /** Waits for the first response and handles it. */
  async #finish(cached: CachedToken, sent: Promise<Response>): Promise<Response> {
    try {
      return await this.handleResponse(cached, await sent);
    } finally {
      this.#request.release();
    }
  }

  /** Handles the first response: returns it, or that of the replay if the token was rejected. */
  async handleResponse(cached: CachedToken, response: Response): Promise<Response> {
    const verdict = await this.#judge(cached, response);
    if (isRejection(verdict) && !this.#isKnownRejection(cached)) {
      const replacement = await this.#replacementToken(cached, verdict, response);
      if (replacement !== undefined) return await this.#replay(replacement, response);
    }
    return await this.#follow(response);
  }

  /**
   * Judges the token by a response. Notes it if the resource has accepted the token.
   *
   * @throws the reason of the caller's signal, if it aborts while `isInvalidToken` runs.
   */
  async #judge(cached: CachedToken, response: Response): Promise<TokenVerdict> {
    const { status, redirected } = response;
    const isElsewhere = this.#isFromOtherOrigin(response);
    if (!isElsewhere && (await this.#isInvalidByPredicate(cached, response))) return 'invalid';
    if (status === 401 || status === 403) {
      const verdict = isElsewhere ? 'says-nothing' : this.#judgeChallenge(cached, response);
      if (verdict !== 'accepted') return verdict;
    }
    // A failing server or another origin may not have checked the token.
    if (status === 0 || status >= 500 || status === 429 || redirected) return 'says-nothing';
    this.#services.tokenTrials.accepted(this.#session, this.#resource.url, cached.token);
    return 'accepted';
  }

  #judgeChallenge(cached: CachedToken, { status, headers }: Response): TokenVerdict {
    const challenge = headers.get('www-authenticate');
    switch (classifyRejection(status, challenge).kind) {
      case 'invalid-token':
        return 'invalid';
      case 'unclear':
        return 'unclear';
      case 'step-up':
        this.#emitStepUp(cached, status, challenge);
        return 'accepted';
      case 'none':
        return status === 403 ? 'accepted' : 'says-nothing';
      default:
        return 'says-nothing';
    }
  }

  /**
   * Checks whether the response comes from another origin and so does not concern the token. The platform or the transport
   * followed a redirect, and the token was removed or sent to an origin that is not a protected resource.
   */
  #isFromOtherOrigin({ url, redirected }: Response): boolean {
    const { transport, match } = this.#services.context;
    const requested = this.#request.url;
    if (!redirected && (!url || url === requested)) return false;
    // A transport that declares this may send to another address than the one it is called with.
    const source = readMember(transport, 'redirects') === 'manual' ? { redirected } : { redirected, url };
    return otherResponseOrigin(requested, source) !== undefined && match(url)?.url !== this.#resource.url;
  }

  /** Calls the application's predicate. If it fails, the response counts as no evidence, and the call continues. */
  async #isInvalidByPredicate(cached: CachedToken, response: Response): Promise<boolean> {
    const { isInvalidToken: predicate, emit, clock, timeout } = this.#services.context;
    if (predicate === undefined) return false;
    const { signal } = this.#request;
    try {
      return await askPredicate(predicate, response, { clock, timeout, signal });
    } catch (error) {
      if (signal?.aborted === true) {
        discardBody(response);
        throw error;
      }
      emit({
        type: 'predicateFailed',
        ...this.#session.eventContext(cached.login),
        resource: this.#resource.url,
        error: safeCause(error, [cached.token]),
      });
      return false;
    }
  }

  #emitStepUp({ token, login, scope }: CachedToken, status: number, challenge: string | null): void {
    // The challenge may contain the token, so it is redacted. Only this event contains it, because redaction is expensive.
    const redacted = classifyRejection(status, redact(challenge ?? '', [token]));
    if (redacted.kind !== 'step-up') return;
    this.#services.context.emit({
      type: 'stepUpRequired',
      ...this.#session.eventContext(login),
      url: this.#request.url,
      ...withMissingScope(redacted.stepUp, scope),
    });
  }

  /**
   * Checks whether this resource has just rejected a new token. Then its 401 has another cause and is not replayed again (law
   * replay-once).
   */
  #isKnownRejection({ token }: CachedToken): boolean {
    const { tokenTrials, context } = this.#services;
    const session = this.#session;
    const { url, variant } = this.#resource;
    if (!tokenTrials.isResourceSuspect(session, url)) return false;
    return session.usableToken(variant, context.clock.Date.now())?.token === token;
  }

  /** Gets a token other than the rejected one. `undefined`: the caller receives the first response. */
  async #replacementToken(
    cached: CachedToken,
    verdict: TokenVerdict,
    first: Response,
  ): Promise<CachedToken | undefined> {
    const { source, tokenTrials } = this.#services;
    const { kind, signal } = this.#request;
    const query = {
      ...this.#resource,
      login: cached.login,
      rejectedToken: cached.token,
      wasReceived: true,
      signal,
    };
    try {
      const other = await source.get(this.#session, query);
      tokenTrials.sent(this.#session, this.#resource.url, other.token);
      // This request cannot be sent again, but the caller's next one uses the new token.
      return kind === 'one-shot' ? undefined : other;
    } catch (error) {
      // Nothing is sent under another user's login: the caller receives the first response.
      const reason = isTokenKeepError(error) && 'reason' in error ? error.reason : undefined;
      if (kind === 'one-shot' || reason === 'login_changed') return undefined;
      // Without a refresh token, a 401 without a reason is returned to the caller.
      if (verdict === 'unclear' && reason === 'no_refresh_token') return undefined;
      discardBody(first);
      throw error;
    }
  }

  /**
   * Sends the request once more, with the same method, headers and bytes. The caller receives the response, whatever its status.
   */
  async #replay(cached: CachedToken, first: Response): Promise<Response> {
    const { tokenTrials } = this.#services;
    const { emit } = this.#services.context;
    const request = this.#request;
    discardBody(first);
    const second = await this.#services.enqueue(() => this.#send(cached, true), request.signal);
    const resource = this.#resource.url;
    const { status } = second;
    const eventContext = { ...this.#session.eventContext(cached.login), resource, status };
    const verdict = await this.#judge(cached, second);
    if (isRejection(verdict) && tokenTrials.rejected(this.#session, resource, cached.token)) {
      emit({ type: 'newTokenRejected', ...eventContext });
    }
    emit({ type: 'replayed', ...eventContext });
    return await this.#follow(second);
  }

  /** Follows a redirect if tokenkeep does so in place of the platform. */
  async #follow(response: Response): Promise<Response> {
    const request = this.#request;
    const { status, type } = response;
    if (request.redirect === undefined) return response;
    if (type === 'opaqueredirect') return await this.#followByPlatform();
    if (!request.integrity && (status < 300 || status > 399)) return response;
    const from = { hops: this.#hops + 1, login: this.#login };
    return await followRedirect(request, this.#hops, response, (url, init) =>
      this.#services.fetch(this.#session, url, init, from),
    );
  }

  /** Lets the platform follow this redirect and later ones, as in a browser, because the transport hides their targets. */
  async #followByPlatform(): Promise<Response> {
    this.#services.hideRedirects();
    const from = { hops: this.#hops, login: this.#login };
    const init = initForPlatformRedirect(this.#request);
    return await this.#services.fetch(this.#session, this.#request.input, init, from);
  }
}

function isRejection(verdict: TokenVerdict): verdict is 'invalid' | 'unclear' {
  return verdict === 'invalid' || verdict === 'unclear';
}
