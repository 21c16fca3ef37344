/**
 * A request to a protected resource: match, attach, send, and on a rejected token ask for another one and send once more.
 *
 * @module
 */

import { limitConcurrency } from '../async/limit-concurrency.ts';
import type { Transport } from '../core/contracts.ts';
import { isTokenKeepError } from '../core/errors.ts';
import type { LoginIdentity } from '../core/session/login-identity.ts';
import { hasBrowserFetch } from '../platform/browser-fetch.ts';
import { isOnline } from '../platform/environment.ts';
import type { TokenSource } from '../refresh/token-source.ts';
import type { ManagerContext } from '../session/manager-context.ts';
import type { CachedToken, Session } from '../session/session.ts';
import { loginRequired } from '../session/session-errors.ts';
import { followRedirect, initForPlatformRedirect, type SendNextHop } from './redirects.ts';
import { RejectedTokens } from './rejected-tokens.ts';
import { createRequestQueue, type RequestQueue } from './replay-queue.ts';
import {
  cloneInit,
  discardBody,
  hasAuthorization,
  hasBody,
  ReplayableRequest,
} from './replayable-request.ts';
import { copyInit, passThroughInit, type RequestInput, readInput, urlOf } from './request-input.ts';
import { takeIntegrity } from './response-integrity.ts';
import { type AnsweredCall, judgeToken, type TokenVerdict } from './token-verdict.ts';

/** A call to a protected resource. */
interface Call extends AnsweredCall {
  /** The login that it began under. Where none was known it is the first one that is found. */
  login: LoginIdentity | undefined;
  readonly hops: number;
  /** `manual` if the caller wants redirects to be followed, and we do it instead of the platform. */
  readonly redirect: 'manual' | undefined;
}

/** Where a call comes from that was redirected, or that a page has begun. */
export interface CallOrigin {
  readonly hops: number;
  readonly login: LoginIdentity | undefined;
}

export class AuthorizedFetch {
  readonly #context: ManagerContext;
  readonly #source: TokenSource;
  readonly #enqueue: RequestQueue;
  /** A field of its own: called as a method of an object, a platform's `fetch` refuses. */
  readonly #transport: Transport;
  readonly #rejectedTokens: RejectedTokens;
  /** `true` where `redirect: 'manual'` should show where a redirect leads, so that we can follow it ourselves. */
  #redirectsAreVisible: boolean = !hasBrowserFetch();

  constructor(context: ManagerContext, source: TokenSource) {
    const { clock, transport, replayConcurrency } = context;
    this.#context = context;
    this.#source = source;
    this.#enqueue = createRequestQueue(limitConcurrency(replayConcurrency), clock);
    this.#rejectedTokens = new RejectedTokens(clock);
    this.#transport = transport;
  }

  /**
   * Does what `fetch` does, with the session's access token for calls to protected resources. With a fresh token
   * that is one comparison of the URL, one of the time, and a header.
   */
  fetch(
    session: Session,
    given: RequestInput,
    init: RequestInit | undefined,
    from?: CallOrigin,
  ): Promise<Response> {
    const { match, hasForeignRequests } = this.#context;
    const transport = this.#transport;
    // A transport may answer without a promise.
    try {
      const input = typeof given === 'string' ? given : readInput(given, hasForeignRequests);
      const url = typeof input === 'string' ? input : urlOf(input);
      const resource = match(url);
      if (resource === undefined) return Promise.resolve(transport(given, init));
      const own = copyInit(input, init);
      if (hasAuthorization(own)) return Promise.resolve(transport(given, passThroughInit(init, own)));
      if (from !== undefined && !session.isSameLogin(from.login)) throw loginRequired('login_changed');
      const redirect = this.#redirectMode(input, own);
      const login = from?.login ?? session.login;
      const hops = from?.hops ?? 0;
      const cached = this.#source.getCached(session, resource.variant);
      if (
        cached === undefined ||
        cached.credentials.needsProof ||
        resource.hides401 ||
        !isRepeatableAsIs(input, own)
      ) {
        const request = new ReplayableRequest(input, url, own);
        if (redirect !== undefined) request.integrity = takeIntegrity(input, own);
        return this.#start({ session, login, resource, request, hops, redirect });
      }
      return Promise.resolve(transport(input, authorize(own, redirect, cached))).then((response) => {
        if (this.#isSuccess(response)) {
          this.#rejectedTokens.accepted(session, resource.url, cached.token);
          return response;
        }
        // `own` is our copy of the init that was sent, so the same request can be sent again.
        const request = new ReplayableRequest(input, url, own);
        return this.#handleResponse({ session, login, resource, request, hops, redirect }, cached, response);
      });
    } catch (error) {
      return Promise.reject(error); // `fetch` never throws
    }
  }

  /** Starts a call that has to wait, or whose request must be kept for sending it again. */
  #start(call: Call): Promise<Response> {
    const { session, resource, request, redirect } = call;
    const transport = this.#transport;
    const cached = this.#source.getCached(session, resource.variant, request.kind === 'one-shot');
    // A request that needs a proof takes the same path as one that waits for a token.
    if (cached === undefined || cached.credentials.needsProof) return this.#sendWhenReady(call);
    // In the turn of the call, as `fetch` does: the caller sees at once that a body is taken.
    const sent = Promise.resolve(transport(request.input, authorize(request.init, redirect, cached)));
    const response =
      resource.hides401 === true
        ? sent.catch((error) => this.#handleTransportError(call, cached, error))
        : sent;
    return this.#finish(call, cached, response);
  }

  /** Waits for a token and sends, in its turn if others have waited as well. */
  async #sendWhenReady(call: Call): Promise<Response> {
    const source = this.#source;
    const { session, login, resource, request } = call;
    const { signal } = request;
    const immediate = source.getCached(session, resource.variant);
    try {
      const cached = await source.get(session, {
        ...resource,
        login,
        mustLast: request.kind === 'one-shot',
        signal,
      });
      call.login = cached.login;
      const send = () => this.#send(call, request.input, cached);
      return await this.#finish(call, cached, immediate === cached ? send() : this.#enqueue(send, signal));
    } catch (error) {
      request.cancel(error);
      throw error;
    }
  }

  /** Checks whether the status alone proves success: the response is not a redirect, and there is no `isInvalidToken` to call. */
  #isSuccess({ status }: Response): boolean {
    // 0 is that of an opaque redirect.
    return status !== 0 && status < 300 && this.#context.isInvalidToken === undefined;
  }

  /** All that is left to do once a request has been sent. */
  async #finish(call: Call, cached: CachedToken, sent: Promise<Response>): Promise<Response> {
    try {
      const response = await sent;
      if (call.request.integrity || !this.#isSuccess(response))
        return await this.#handleResponse(call, cached, response);
      this.#noteAccepted(call, cached, response);
      return response;
    } finally {
      call.request.release();
    }
  }

  async #send(call: Call, input: string | Request, cached: CachedToken): Promise<Response> {
    const transport = this.#transport;
    // While the request waited for its turn, another user may have signed in. With cookies it would be sent as that user.
    if (!call.session.isSameLogin(cached.login)) throw loginRequired('login_changed');
    const { request } = call;
    const transmit = async (proof?: string, isAgain?: boolean) => {
      const init = authorize(cloneInit(request.init), call.redirect, cached, proof);
      request.isSent = true;
      return await transport(isAgain ? request.takeClone() : input, init);
    };
    try {
      return await cached.credentials.send(request, transmit, () => this.#context.clock.now());
    } catch (error) {
      return await this.#handleTransportError(call, cached, error);
    }
  }

  /**
   * The transport failed. Where that may hide a 401, the token is replaced, for the next call: law replay-once allows no replay of what
   * may have been processed.
   *
   * @throws the same error
   */
  async #handleTransportError(
    { session, resource, request }: Call,
    { token }: CachedToken,
    error: unknown,
  ): Promise<never> {
    // Compares the name, because the transport may be from another realm.
    const mayHide401 =
      resource.hides401 === true && (error as Error | null)?.name === 'TypeError' && isOnline();
    if (mayHide401 && this.#rejectedTokens.mayAssumeRejection(session, resource.url)) {
      const query = { ...resource, rejectedToken: token, signal: request.signal };
      const other = await this.#source.get(session, query).catch(() => undefined);
      if (other !== undefined) this.#rejectedTokens.sent(session, resource.url, other.token, true);
    }
    throw error;
  }

  /** The first answer. */
  async #handleResponse(call: Call, cached: CachedToken, response: Response): Promise<Response> {
    const verdict = await judgeToken(this.#context, call, response, cached);
    if (verdict === 'not-rejected') {
      this.#noteAccepted(call, cached, response);
      return await this.#follow(call, response);
    }
    if (this.#isKnownRejection(call, cached)) return await this.#follow(call, response);
    const replacement = await this.#replacementToken(call, cached, verdict, response);
    if (replacement === undefined) return await this.#follow(call, response);
    return await this.#replay(call, replacement, response);
  }

  /** Of a server in trouble it is not known whether it has looked at the token, nor of another place. */
  #noteAccepted({ session, resource }: Call, { token }: CachedToken, { status, redirected }: Response): void {
    if (status !== 0 && status < 500 && status !== 429 && !redirected) {
      this.#rejectedTokens.accepted(session, resource.url, token);
    }
  }

  /** This resource has just rejected a new token, so its 401 is about something else, and there is no other. No loop (law replay-once). */
  #isKnownRejection({ session, resource }: Call, { token }: CachedToken): boolean {
    const current = this.#source.getCached(session, resource.variant);
    return current?.token === token && this.#rejectedTokens.isResourceSuspect(session, resource.url);
  }

  /** A token other than the one that was rejected, if the request can be sent again. */
  async #replacementToken(
    call: Call,
    cached: CachedToken,
    verdict: TokenVerdict,
    first: Response,
  ): Promise<CachedToken | undefined> {
    const { session, resource, request } = call;
    const { kind, signal } = request;
    const query = {
      ...resource,
      login: cached.login,
      rejectedToken: cached.token,
      wasReceived: true,
      signal,
    };
    try {
      const other = await this.#source.get(session, query);
      this.#rejectedTokens.sent(session, resource.url, other.token);
      // What cannot be sent again is not, but the caller's next one does not find the same token.
      return kind === 'one-shot' ? undefined : other;
    } catch (error) {
      // Nothing is sent under another user's login: the caller gets the first response.
      const reason = isTokenKeepError(error) && 'reason' in error ? error.reason : undefined;
      if (kind === 'one-shot' || reason === 'login_changed') return undefined;
      // Without a refresh token a 401 that does not say why stays what it is: the API's answer.
      if (verdict === 'unclear' && reason === 'no_refresh_token') return undefined;
      discardBody(first);
      throw error;
    }
  }

  /** Law replay-once: once, with the same method, headers and bytes. Whatever comes back is the caller's. */
  async #replay(call: Call, cached: CachedToken, first: Response): Promise<Response> {
    discardBody(first);
    const { session, resource, request } = call;
    const { token } = cached;
    const second = await this.#enqueue(() => this.#send(call, request.takeClone(), cached), request.signal);
    const { emit } = this.#context;
    const eventContext = {
      ...session.eventContext(cached.login),
      resource: resource.url,
      status: second.status,
    };
    if ((await judgeToken(this.#context, call, second, cached)) === 'not-rejected') {
      this.#noteAccepted(call, cached, second);
    } else if (this.#rejectedTokens.rejected(session, resource.url, token)) {
      emit({ type: 'newTokenRejected', ...eventContext });
    }
    emit({ type: 'replayed', ...eventContext });
    return await this.#follow(call, second);
  }

  async #follow(call: Call, response: Response): Promise<Response> {
    const { session, request, redirect } = call;
    const from = { hops: call.hops + 1, login: call.login };
    if (redirect === undefined) return response;
    if (response.type === 'opaqueredirect') return await this.#followByPlatform(call);
    const next: SendNextHop = (url, init) => this.fetch(session, url, init, from);
    return await followRedirect(request, call.hops, response, next);
  }

  /** The transport hides where the redirect leads, so from now on it follows by itself, as it does in a browser. */
  async #followByPlatform({ session, request, hops, login }: Call): Promise<Response> {
    this.#redirectsAreVisible = false;
    return await this.fetch(session, request.input, initForPlatformRedirect(request), { hops, login });
  }

  /** `manual` if the platform would follow redirects by itself and we can do it instead. */
  #redirectMode(input: string | Request, init: RequestInit): 'manual' | undefined {
    if (!this.#redirectsAreVisible) return undefined;
    const asked = init.redirect ?? (typeof input === 'object' ? (input.redirect ?? 'follow') : 'follow');
    return asked === 'follow' ? 'manual' : undefined;
  }
}

/** Makes our copy of the `init` that of an authorised request. */
function authorize(
  init: RequestInit,
  redirect: 'manual' | undefined,
  { credentials }: CachedToken,
  proof?: string,
): RequestInit {
  if (redirect !== undefined) init.redirect = redirect;
  credentials.attach(init, proof);
  return init;
}

/** Checks whether the request can be sent again without copying or keeping any part of it. */
function isRepeatableAsIs(input: string | Request, { body, integrity }: RequestInit): boolean {
  if (integrity) return false;
  if (typeof body === 'string') return true;
  if (body !== undefined && body !== null) return false;
  return typeof input === 'string' || !(hasBody(input) || input.integrity);
}
