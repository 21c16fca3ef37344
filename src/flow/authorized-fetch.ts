/**
 * The journey of a request: match, attach, send, and on a rejected token ask for another one and send once more.
 *
 * @module
 */
import type { Transport } from '../core/contracts.ts';
import { isTokenKeepError } from '../core/errors.ts';
import type { AnyTokenEvent } from '../core/events.ts';
import type { CookieSession } from '../core/grant.ts';
import type { NamedResource, ResourceMatcher } from '../core/protected-resource.ts';
import { redact } from '../core/redact.ts';
import { judgeRejection, withMissing } from '../core/rejection.ts';
import {
  addressOf,
  authorized,
  discardBody,
  hasAuthorization,
  type Input,
  isPlainlyRepeatable,
  type Outgoing,
  outgoing,
  signalOf,
  snapshot,
  spareOf,
  withCookies,
  withProof,
} from './outgoing.ts';
import type { Pace } from './pacing.ts';
import { sendBound } from './possession.ts';
import { type Follow, follow, followedByPlatform } from './redirects.ts';
import { Rejections } from './rejections.ts';
import type { Held, Session } from './session.ts';
import type { TokenSource } from './token-source.ts';
import type { FullClock } from './waiting.ts';

/** The caller's own way to tell that a response means "this access token is not valid". */
export type InvalidTokenPredicate = (response: Response) => boolean | Promise<boolean>;

export interface AuthorizedFetchOptions {
  readonly transport: Transport;
  readonly match: ResourceMatcher;
  readonly source: TokenSource;
  readonly pace: Pace;
  readonly clock: FullClock;
  readonly isInvalidToken: InvalidTokenPredicate | undefined;
  /** In place of tokens. */
  readonly cookies: CookieSession | undefined;
  /** `true` where `redirect: 'manual'` should show where a redirect leads, so that we can follow it ourselves. */
  readonly redirectsAreVisible: boolean;
  readonly tell: (event: AnyTokenEvent) => void;
}

/** A call to a protected resource. */
interface Call extends Outgoing {
  readonly session: Session;
  readonly resource: NamedResource;
  readonly url: string;
  readonly hops: number;
  /** `manual` if the caller wants redirects to be followed, and we do it instead of the platform. */
  readonly redirect: 'manual' | undefined;
}

/** What a response says about the token. */
type Verdict = 'fine' | 'invalid' | 'unclear';

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
  fetch(session: Session, input: Input, init: RequestInit | undefined, hops = 0): Promise<Response> {
    const { match, source, isInvalidToken } = this.#options;
    const transport = this.#transport;
    try {
      const url = typeof input === 'string' ? input : addressOf(input);
      const resource = match(url);
      if (resource === undefined || hasAuthorization(input, init)) return transport(input, init);
      const held = source.fresh(session, resource.variant);
      const redirect = this.#redirect(input, init);
      // What has to be signed first waits like what needs a token.
      if (held === undefined || held.prover !== undefined || !isPlainlyRepeatable(input, init)) {
        const kept = outgoing(input, url, snapshot(init));
        return this.#travel({ session, resource, url, hops, redirect, ...kept });
      }
      // What was sent is what is sent again: the caller may change `init` for the next call when this one has returned.
      const made = this.#attach(input, init, held, redirect);
      return transport(input, made).then((response) => {
        const { status } = response; // 0 is that of an opaque redirect
        if (status !== 0 && status < 300 && isInvalidToken === undefined) return response;
        const kept = outgoing(input, url, made);
        return this.#arrived({ session, resource, url, hops, redirect, ...kept }, held, response);
      });
    } catch (error) {
      return Promise.reject(error); // `fetch` never throws
    }
  }

  /** Waits for a token and sends, in its turn if others have waited as well. */
  async #travel(call: Call): Promise<Response> {
    const { source, pace } = this.#options;
    const { session, resource, input, init } = call;
    const signal = signalOf(input, init);
    const fresh = source.fresh(session, resource.variant);
    try {
      const held = await source.get(session, { ...resource, lasting: call.kind === 'one-shot', signal });
      const send = () => this.#send(call, input, held);
      return await this.#arrived(call, held, await (fresh === held ? send() : pace(send, signal)));
    } finally {
      // The call is over: nothing will be replayed.
      if (call.spare !== undefined) discardBody(call.spare);
    }
  }

  async #send(call: Call, input: string | Request, held: Held): Promise<Response> {
    const transport = this.#transport;
    const made = (one: string | Request) => this.#attach(one, call.init, held, call.redirect);
    if (held.prover === undefined) return await transport(input, made(input));
    const send = (one: string | Request, proof: string) => transport(one, withProof(made(one), proof));
    return await sendBound(call, input, held, { send, now: () => this.#options.clock.now() });
  }

  #attach(
    input: Input,
    init: RequestInit | undefined,
    { authorization }: Held,
    redirect: 'manual' | undefined,
  ): RequestInit {
    const { cookies } = this.#options;
    return cookies === undefined
      ? authorized(input, init, authorization, redirect)
      : withCookies(input, init, cookies.headers(), redirect);
  }

  /** The first answer. */
  async #arrived(call: Call, held: Held, response: Response): Promise<Response> {
    const verdict = await this.#judge(call, response, held);
    if (verdict === 'fine') return await this.#follow(call, response);
    if (this.#isHopeless(call, held)) return await this.#follow(call, response);
    const again = await this.#another(call, held, verdict, response);
    if (again === undefined) return await this.#follow(call, response);
    return await this.#replay(call, again, response);
  }

  /** This resource has rejected a new token, so its 401 is about something else, and there is no other. No loop (law 7). */
  #isHopeless({ session, resource }: Call, { token }: Held): boolean {
    const current = this.#options.source.fresh(session, resource.variant);
    return current?.token === token && this.#rejections.meanNothing(session, resource.url, token);
  }

  /** A token other than the one that was rejected, if the request can be sent again. */
  async #another(call: Call, held: Held, verdict: Verdict, first: Response): Promise<Held | undefined> {
    const { source } = this.#options;
    const { session, resource, input, init, kind } = call;
    const query = { ...resource, otherThan: held.token, signal: signalOf(input, init) };
    try {
      const other = await source.get(session, query);
      this.#rejections.note(session, resource.url, { token: other.token, lost: false });
      // What cannot be sent again is not, but the caller's next one does not find the same token.
      return kind === 'one-shot' ? undefined : other;
    } catch (error) {
      if (kind === 'one-shot') return undefined;
      // Without a refresh token a 401 that does not say why stays what it is: the API's answer.
      const nothingToRefresh =
        isTokenKeepError(error) && 'reason' in error && error.reason === 'no_refresh_token';
      if (verdict === 'unclear' && nothingToRefresh) return undefined;
      discardBody(first);
      throw error;
    }
  }

  /** Law 7: once, with the same method, headers and bytes. Whatever comes back is the caller's. */
  async #replay(call: Call, held: Held, first: Response): Promise<Response> {
    discardBody(first);
    const signal = signalOf(call.input, call.init);
    const { session, resource } = call;
    const { token } = held;
    const second = await this.#options.pace(() => this.#send(call, spareOf(call), held), signal);
    if ((await this.#judge(call, second, held)) === 'fine') {
      this.#rejections.accepted(session, resource.url, token);
    } else {
      this.#rejections.note(session, resource.url, { token, lost: true });
    }
    const { status } = second;
    this.#options.tell({ type: 'replayed', session: session.id, resource: resource.url, status });
    return await this.#follow(call, second);
  }

  async #judge({ session, resource, url }: Call, response: Response, held: Held): Promise<Verdict> {
    const { status } = response;
    const { isInvalidToken, tell, match } = this.#options;
    // After a redirect that the platform followed, the token stayed behind: the answer says nothing about it.
    const elsewhere = response.redirected && match(response.url)?.url !== resource.url;
    if (elsewhere) return 'fine';
    if (isInvalidToken !== undefined && (await asks(isInvalidToken, response))) return 'invalid';
    if (status !== 401 && status !== 403) return 'fine';
    const challenge = response.headers.get('www-authenticate');
    const rejection = judgeRejection(status, challenge);
    if (rejection.kind === 'step-up') {
      // Only here what the challenge says is told, and a server may say the token. Taking it out is dear.
      const told = judgeRejection(status, redact(challenge ?? '', [held.token]));
      if (told.kind === 'step-up') {
        tell({ type: 'stepUpRequired', session: session.id, url, ...withMissing(told.stepUp, held.scope) });
      }
    }
    if (rejection.kind === 'invalid-token') return 'invalid';
    return rejection.kind === 'unclear' ? 'unclear' : 'fine';
  }

  async #follow(call: Call, response: Response): Promise<Response> {
    if (call.redirect === undefined) return response;
    if (response.type === 'opaqueredirect') return await this.#leaveToPlatform(call);
    const next: Follow = (input, init) => this.fetch(call.session, input, init, call.hops + 1);
    return await follow(call, response, next);
  }

  /** The transport hides where the redirect leads, so from now on it follows by itself, as it does in a browser. */
  async #leaveToPlatform({ session, input, init, hops }: Call): Promise<Response> {
    this.#redirectsAreVisible = false;
    return await this.fetch(session, input, followedByPlatform(input, init), hops);
  }

  /** `manual` if the platform would follow redirects by itself and we can do it instead. */
  #redirect(input: Input, init: RequestInit | undefined): 'manual' | undefined {
    if (!this.#redirectsAreVisible) return undefined;
    const asked =
      init?.redirect ?? (typeof input === 'object' && 'redirect' in input ? input.redirect : 'follow');
    return asked === 'follow' ? 'manual' : undefined;
  }
}

/** Asks the caller's predicate about a copy, so that the response arrives unread. */
async function asks(isInvalidToken: InvalidTokenPredicate, response: Response): Promise<boolean> {
  const copy = response.clone();
  try {
    return await isInvalidToken(copy);
  } catch (error) {
    discardBody(response);
    throw error;
  } finally {
    discardBody(copy);
  }
}
