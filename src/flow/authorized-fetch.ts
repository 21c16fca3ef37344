/**
 * The journey of a request: match, attach, send, and on a rejected token ask for another one and send once more.
 *
 * @module
 */

import type { Transport } from '../core/contracts.ts';
import { isTokenKeepError } from '../core/errors.ts';
import type { CookieSession } from '../core/grant.ts';
import type { LoginIdentity } from '../core/login-identity.ts';
import { takeIntegrity } from './integrity.ts';
import { anew, authorize, discardBody, hasAuthorization, hasBody, Outgoing, withProof } from './outgoing.ts';
import { addressOf, type Input, ownInit, passedOn, readInput } from './own-request.ts';
import type { Pace } from './pacing.ts';
import { isOnline } from './platform.ts';
import { sendBound } from './possession.ts';
import { type Follow, follow, followedByPlatform } from './redirects.ts';
import { loginRequired } from './refusal.ts';
import { Rejections } from './rejections.ts';
import type { Held, Session } from './session.ts';
import type { TokenSource } from './token-source.ts';
import { type AnsweredCall, type JudgeOptions, judge, type Verdict } from './verdict.ts';

export interface AuthorizedFetchOptions extends JudgeOptions {
  readonly source: TokenSource;
  readonly pace: Pace;
  /** In place of tokens. */
  readonly cookies: CookieSession | undefined;
  /** `true` where `redirect: 'manual'` should show where a redirect leads, so that we can follow it ourselves. */
  readonly redirectsAreVisible: boolean;
  /** `true`: the transport is the application's and may have a `Request` class of its own. */
  readonly hasForeignRequests: boolean;
}

/** A call to a protected resource. */
interface Call extends AnsweredCall {
  /** The login that it began under. Where none was known it is the first one that is found. */
  login: LoginIdentity | undefined;
  readonly hops: number;
  /** `manual` if the caller wants redirects to be followed, and we do it instead of the platform. */
  readonly redirect: 'manual' | undefined;
}

/** Where a call comes from that was redirected, or that a page has begun. */
export interface Origin {
  readonly hops: number;
  readonly login: LoginIdentity | undefined;
}

export class AuthorizedFetch {
  readonly #options: AuthorizedFetchOptions;
  /** A field of its own: called as a method of an object, a platform's `fetch` refuses. */
  readonly #transport: Transport;
  readonly #rejections: Rejections;
  #redirectsAreVisible: boolean;

  constructor(options: AuthorizedFetchOptions) {
    this.#options = options;
    this.#rejections = new Rejections(options.clock);
    this.#transport = options.transport;
    this.#redirectsAreVisible = options.redirectsAreVisible;
  }

  /**
   * Does what `fetch` does, with the session's access token for calls to protected resources. With a fresh token
   * that is one comparison of the URL, one of the time, and a header.
   */
  fetch(session: Session, given: Input, init: RequestInit | undefined, from?: Origin): Promise<Response> {
    const { match, source, hasForeignRequests } = this.#options;
    const transport = this.#transport;
    // A transport may answer without a promise.
    try {
      const input = typeof given === 'string' ? given : readInput(given, hasForeignRequests);
      const url = typeof input === 'string' ? input : addressOf(input);
      const resource = match(url);
      if (resource === undefined) return Promise.resolve(transport(given, init));
      const own = ownInit(input, init);
      if (hasAuthorization(own)) return Promise.resolve(transport(given, passedOn(init, own)));
      if (from !== undefined && !session.isOf(from.login)) throw loginRequired('login_changed');
      const redirect = this.#redirect(input, own);
      const login = from?.login ?? session.login;
      const hops = from?.hops ?? 0;
      const held = source.fresh(session, resource.variant);
      if (held === undefined || held.prover !== undefined || resource.hides401 || !isPlain(input, own)) {
        const request = new Outgoing(input, url, own);
        if (redirect !== undefined) request.integrity = takeIntegrity(input, own);
        return this.#begin({ session, login, resource, request, hops, redirect });
      }
      return Promise.resolve(transport(input, this.#authorized(own, redirect, held))).then((response) => {
        if (this.#isSuccess(response)) {
          this.#rejections.accepted(session, resource.url, held.token);
          return response;
        }
        // `own` is our copy of the init that was sent, so the same request can be sent again.
        const request = new Outgoing(input, url, own);
        return this.#arrived({ session, login, resource, request, hops, redirect }, held, response);
      });
    } catch (error) {
      return Promise.reject(error); // `fetch` never throws
    }
  }

  /** Starts a call that has to wait, or whose request must be kept for sending it again. */
  #begin(call: Call): Promise<Response> {
    const { session, resource, request, redirect } = call;
    const transport = this.#transport;
    const held = this.#options.source.fresh(session, resource.variant, request.kind === 'one-shot');
    // A request that must be signed first takes the same path as one that waits for a token.
    if (held === undefined || held.prover !== undefined) return this.#travel(call);
    // In the turn of the call, as `fetch` does: the caller sees at once that a body is taken.
    const sent = Promise.resolve(transport(request.input, this.#authorized(request.init, redirect, held)));
    const answered =
      resource.hides401 === true ? sent.catch((error) => this.#failed(call, held, error)) : sent;
    return this.#concluded(call, held, answered);
  }

  /** Waits for a token and sends, in its turn if others have waited as well. */
  async #travel(call: Call): Promise<Response> {
    const { source, pace } = this.#options;
    const { session, login, resource, request } = call;
    const { signal } = request;
    const fresh = source.fresh(session, resource.variant);
    try {
      const held = await source.get(session, {
        ...resource,
        login,
        lasting: request.kind === 'one-shot',
        signal,
      });
      call.login = held.login;
      const send = () => this.#send(call, request.input, held);
      return await this.#concluded(call, held, fresh === held ? send() : pace(send, signal));
    } catch (error) {
      request.abandon(error);
      throw error;
    }
  }

  /** Checks whether the status alone proves success: the response is not a redirect, and there is no `isInvalidToken` to call. */
  #isSuccess({ status }: Response): boolean {
    // 0 is that of an opaque redirect.
    return status !== 0 && status < 300 && this.#options.isInvalidToken === undefined;
  }

  /** All that is left to do once a request has been sent. */
  async #concluded(call: Call, held: Held, sent: Promise<Response>): Promise<Response> {
    try {
      const response = await sent;
      if (call.request.integrity || !this.#isSuccess(response))
        return await this.#arrived(call, held, response);
      this.#noteAccepted(call, held, response);
      return response;
    } finally {
      call.request.settle();
    }
  }

  async #send(call: Call, input: string | Request, held: Held): Promise<Response> {
    const transport = this.#transport;
    // While the request waited for its turn, another user may have signed in. With cookies it would be sent as that user.
    if (!call.session.isOf(held.login)) throw loginRequired('login_changed');
    const { request } = call;
    const made = () => {
      const init = this.#authorized(anew(request.init), call.redirect, held);
      request.isSent = true;
      return init;
    };
    const send = async (one: string | Request, proof: string) =>
      await transport(one, withProof(made(), proof));
    try {
      if (held.prover === undefined) return await transport(input, made());
      return await sendBound(request, input, held, { send, now: () => this.#options.clock.now() });
    } catch (error) {
      return await this.#failed(call, held, error);
    }
  }

  /**
   * The transport failed. Where that may hide a 401, the token is replaced, for the next call: law 7 allows no replay of what
   * may have been processed.
   *
   * @throws the same error
   */
  async #failed({ session, resource, request }: Call, { token }: Held, error: unknown): Promise<never> {
    const { source } = this.#options;
    // Compares the name, because the transport may be from another realm.
    const isHidden =
      resource.hides401 === true && (error as Error | null)?.name === 'TypeError' && isOnline();
    if (isHidden && this.#rejections.isSuspect(session, resource.url)) {
      const query = { ...resource, otherThan: token, signal: request.signal };
      const other = await source.get(session, query).catch(() => undefined);
      if (other !== undefined) this.#rejections.sent(session, resource.url, other.token, true);
    }
    throw error;
  }

  /** Adds the credentials for the API to our copy of the `init`. */
  #authorized(init: RequestInit, redirect: 'manual' | undefined, { authorization }: Held): RequestInit {
    return authorize(init, authorization, this.#options.cookies?.headers(), redirect);
  }

  /** The first answer. */
  async #arrived(call: Call, held: Held, response: Response): Promise<Response> {
    const verdict = await judge(this.#options, call, response, held);
    if (verdict === 'fine') {
      this.#noteAccepted(call, held, response);
      return await this.#follow(call, response);
    }
    if (this.#isHopeless(call, held)) return await this.#follow(call, response);
    const again = await this.#another(call, held, verdict, response);
    if (again === undefined) return await this.#follow(call, response);
    return await this.#replay(call, again, response);
  }

  /** Of a server in trouble it is not known whether it has looked at the token, nor of another place. */
  #noteAccepted({ session, resource }: Call, { token }: Held, { status, redirected }: Response): void {
    if (status !== 0 && status < 500 && status !== 429 && !redirected) {
      this.#rejections.accepted(session, resource.url, token);
    }
  }

  /** This resource has just rejected a new token, so its 401 is about something else, and there is no other. No loop (law 7). */
  #isHopeless({ session, resource }: Call, { token }: Held): boolean {
    const current = this.#options.source.fresh(session, resource.variant);
    return current?.token === token && this.#rejections.meanNothing(session, resource.url);
  }

  /** A token other than the one that was rejected, if the request can be sent again. */
  async #another(call: Call, held: Held, verdict: Verdict, first: Response): Promise<Held | undefined> {
    const { source } = this.#options;
    const { session, resource, request } = call;
    const { kind, signal } = request;
    const query = { ...resource, login: held.login, otherThan: held.token, wasReceived: true, signal };
    try {
      const other = await source.get(session, query);
      this.#rejections.sent(session, resource.url, other.token);
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

  /** Law 7: once, with the same method, headers and bytes. Whatever comes back is the caller's. */
  async #replay(call: Call, held: Held, first: Response): Promise<Response> {
    discardBody(first);
    const { session, resource, request } = call;
    const { token } = held;
    const second = await this.#options.pace(() => this.#send(call, request.again(), held), request.signal);
    const { tell } = this.#options;
    const about = { ...session.about(held.login), resource: resource.url, status: second.status };
    if ((await judge(this.#options, call, second, held)) === 'fine') {
      this.#noteAccepted(call, held, second);
    } else if (this.#rejections.rejected(session, resource.url, token)) {
      tell({ type: 'newTokenRejected', ...about });
    }
    tell({ type: 'replayed', ...about });
    return await this.#follow(call, second);
  }

  async #follow(call: Call, response: Response): Promise<Response> {
    const { session, request, redirect } = call;
    const from = { hops: call.hops + 1, login: call.login };
    if (redirect === undefined) return response;
    if (response.type === 'opaqueredirect') return await this.#leaveToPlatform(call);
    const next: Follow = (url, init) => this.fetch(session, url, init, from);
    return await follow(request, call.hops, response, next);
  }

  /** The transport hides where the redirect leads, so from now on it follows by itself, as it does in a browser. */
  async #leaveToPlatform({ session, request, hops, login }: Call): Promise<Response> {
    this.#redirectsAreVisible = false;
    return await this.fetch(session, request.input, followedByPlatform(request), { hops, login });
  }

  /** `manual` if the platform would follow redirects by itself and we can do it instead. */
  #redirect(input: string | Request, init: RequestInit): 'manual' | undefined {
    if (!this.#redirectsAreVisible) return undefined;
    const asked = init.redirect ?? (typeof input === 'object' ? (input.redirect ?? 'follow') : 'follow');
    return asked === 'follow' ? 'manual' : undefined;
  }
}

/** Checks whether the request can be sent again without copying or keeping any part of it. */
function isPlain(input: string | Request, { body, integrity }: RequestInit): boolean {
  if (integrity) return false;
  if (typeof body === 'string') return true;
  if (body !== undefined && body !== null) return false;
  return typeof input === 'string' || !(hasBody(input) || input.integrity);
}
