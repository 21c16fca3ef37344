/**
 * `manager.fetch`: matches a request to a protected resource, attaches the credentials and sends it. A call with a usable token
 * and a repeatable request that succeeds never leaves this file; every other one continues in `authorized-call`.
 *
 * @module
 */

import { limitConcurrency } from '../async/limit-concurrency.ts';
import type { Transport } from '../core/contracts.ts';
import { hasBrowserFetch } from '../platform/browser-fetch.ts';
import type { TokenSource } from '../refresh/token-source.ts';
import type { ManagerContext } from '../session/manager-context.ts';
import type { Session } from '../session/session.ts';
import { loginRequired } from '../session/session-errors.ts';
import { AuthorizedCall, type CallOrigin, type CallServices } from './authorized-call.ts';
import {
  copyInit,
  hasAuthorization,
  hasBody,
  passThroughInit,
  ReplayableRequest,
  type RequestInput,
  readInput,
  urlOf,
} from './replayable-request.ts';
import { createRequestQueue, type RequestQueue } from './request-queue.ts';
import { TokenTrials } from './token-trials.ts';

export class AuthorizedFetch implements CallServices {
  readonly context: ManagerContext;
  readonly source: TokenSource;
  readonly tokenTrials: TokenTrials;
  #queue: RequestQueue | undefined = undefined;
  /**
   * The transport. It is a separate field, because a platform's `fetch` throws when it is called as a method of another object.
   */
  readonly #transport: Transport;
  /** `true`: `redirect: 'manual'` shows the target of a redirect, so tokenkeep can follow it itself. */
  #redirectsAreVisible: boolean = !hasBrowserFetch();

  constructor(context: ManagerContext, source: TokenSource) {
    const { clock, transport } = context;
    this.context = context;
    this.source = source;
    this.tokenTrials = new TokenTrials(clock);
    this.#transport = transport;
  }

  /**
   * Does what `fetch` does, with the session's credentials for calls to protected resources. With a usable token this costs one
   * comparison of the URL, one of the time, and a header.
   */
  fetch(
    session: Session,
    given: RequestInput,
    init: RequestInit | undefined,
    from?: CallOrigin,
  ): Promise<Response> {
    const { match, clock, hasForeignRequests } = this.context;
    const transport = this.#transport;
    // A transport may return a response without a promise.
    try {
      const input = typeof given === 'string' ? given : readInput(given, hasForeignRequests);
      const url = typeof input === 'string' ? input : urlOf(input);
      const resource = match(url);
      if (resource === undefined) return Promise.resolve(transport(given, init));
      const own = copyInit(input, init);
      if (hasAuthorization(own)) return Promise.resolve(transport(given, passThroughInit(init, own)));
      if (from !== undefined && !session.isSameLogin(from.login)) throw loginRequired('login_changed');
      const now = clock.Date.now();
      const login = from?.login ?? session.login;
      const hops = from?.hops ?? 0;
      const cached = session.usableToken(resource.variant, now);
      const redirect = this.#redirectMode(input, own);
      if (
        cached === undefined ||
        cached.credentials.needsProof ||
        resource.hides401 ||
        !isRepeatableAsIs(input, own)
      ) {
        const request = new ReplayableRequest(input, url, own, redirect);
        return new AuthorizedCall(this, session, login, resource, request, hops).start();
      }
      if (redirect !== undefined) own.redirect = redirect;
      cached.credentials.attach(own, cached.token, undefined);
      return Promise.resolve(transport(input, own)).then((response) => {
        const { status, redirected } = response;
        // The status of an opaque redirect is 0. A response of another origin is no evidence about the token.
        if (status !== 0 && status < 300 && !redirected && this.context.isInvalidToken === undefined) {
          this.tokenTrials.accepted(session, resource.url, cached.token);
          return response;
        }
        // `own` is our copy of the init that was sent, so the same request can be sent again.
        const request = new ReplayableRequest(input, url, own, redirect);
        const call = new AuthorizedCall(this, session, login, resource, request, hops);
        return call.handleResponse(cached, response);
      });
    } catch (error) {
      return Promise.reject(error); // `fetch` never throws
    }
  }

  /** Sends a request in its turn, after the calls that have waited longer. */
  enqueue(send: () => Promise<Response>, signal: AbortSignal | null | undefined): Promise<Response> {
    const { clock, replayConcurrency } = this.context;
    this.#queue ??= createRequestQueue(limitConcurrency(replayConcurrency), clock);
    return this.#queue(send, signal);
  }

  hideRedirects(): void {
    this.#redirectsAreVisible = false;
  }

  /** Returns `manual` if the platform would follow redirects by itself and tokenkeep can do it instead. */
  #redirectMode(input: string | Request, init: RequestInit): 'manual' | undefined {
    if (!this.#redirectsAreVisible) return undefined;
    const mode = init.redirect ?? (typeof input === 'object' ? (input.redirect ?? 'follow') : 'follow');
    return mode === 'follow' ? 'manual' : undefined;
  }
}

/** Checks whether the request can be sent again without copying or keeping any part of it. */
function isRepeatableAsIs(input: string | Request, { body, integrity }: RequestInit): boolean {
  if (integrity) return false;
  if (typeof body === 'string') return true;
  if (body !== undefined && body !== null) return false;
  return typeof input === 'string' || !(hasBody(input) || input.integrity);
}
