/** Requests on their way: each leaves, arrives and is answered, or not. */
import { faults, type TestAuthorizationServer } from '../../src/testing/index.ts';
import type { Facts, Post } from './facts.ts';
import { errands, type Process } from './process.ts';
import type { Scheduler } from './scheduler.ts';
import type { ApiTrouble, PostTrouble } from './weather.ts';

type Transport = typeof globalThis.fetch;

export interface NetworkOptions {
  readonly scheduler: Scheduler;
  readonly server: TestAuthorizationServer;
  readonly facts: Facts;
  readonly troubles: { post(): PostTrouble | undefined; api(): ApiTrouble | undefined };
  /** How long the API rejects a new access token, in ms. */
  readonly lag: () => number;
  /** A refresh token leaves: the moment for the laws to judge. */
  readonly sends: (post: Post) => void;
  /** It has arrived: the moment for others to interfere. */
  readonly arrived: (post: Post) => void;
  /** The server has seen a used refresh token. */
  readonly reused: (post: Post) => void;
  /** A call leaves with this access token. */
  readonly calls: (path: string, accessToken: string) => void;
}

/** Answered by something else, without the server. */
const answeredInstead: Partial<Record<PostTrouble, (lot: number) => object>> = {
  rateLimited: (lot) => faults.rateLimited(Math.round(lot * 20)),
  unavailable: () => faults.serverError,
  captivePortal: () => faults.captivePortal,
};
/** The server does its work, and the answer suffers. */
const answeredBadly: Partial<Record<PostTrouble, object>> = {
  gatewayTimeout: faults.gatewayTimeout,
  truncated: { truncate: 20 },
};
/** The target of a redirect of the token endpoint. Its response looks like one of the server. */
function elsewhere(): Response {
  const tokens = { access_token: 'forged', refresh_token: 'forged', token_type: 'Bearer', expires_in: 300 };
  const response = Response.json(tokens);
  Object.defineProperties(response, {
    redirected: { value: true },
    url: { value: 'https://elsewhere.test/token' },
  });
  return response;
}
const neverHeard: ReadonlySet<PostTrouble | undefined> = new Set(['neverArrives', 'neverAnswered']);
const neverServed: ReadonlySet<PostTrouble | undefined> = new Set(['neverArrives', 'lostRequest', 'unsent']);

export class Network {
  readonly #options: NetworkOptions;

  constructor(options: NetworkOptions) {
    this.#options = options;
  }

  /** The network as one process sees it. */
  seenBy(process: Process): Transport {
    const { tokenEndpoint } = this.#options.server.metadata;
    return (input, init) => {
      const errand = errands.getStore();
      return input === tokenEndpoint
        ? this.#token(process, init ?? {}, errand?.grant)
        : this.#request(process, input as string | Request, init);
    };
  }

  #token(process: Process, init: RequestInit, grant: Post['grant']): Promise<Response> {
    const { scheduler, facts, troubles, sends } = this.#options;
    const { chance } = scheduler;
    const text = new URLSearchParams(String(init.body)).get('refresh_token') ?? '';
    const token = facts.refreshTokens.get(text);
    if (token === undefined) throw new Error('A refresh token that nobody has issued.');
    const trouble = troubles.post();
    const post: Post = {
      ...{ token, by: process, grant, markedAt: token.marks.get(process) ?? 0 },
      ...{ sentAt: scheduler.now, isLate: grant?.lost === 'ended' },
      ...{ outcome: 'pending', how: undefined, committed: false, durableAt: undefined, storageFailed: false },
    };
    return new Promise((resolve, reject) => {
      init.signal?.addEventListener('abort', () => {
        if (post.outcome === 'pending')
          Object.assign(post, { outcome: 'lost', how: 'no answer before its deadline' });
        reject(init.signal?.reason);
      });
      process.deliver(chance.between(0, 3), `sends ${token.name}${trouble ? ` (${trouble})` : ''}`, () => {
        if (init.signal?.aborted) return;
        token.posts.push(post);
        sends(post);
        const there =
          trouble === 'late' ? chance.between(20_000, 60_000) : chance.between(1, chance.pick([20, 400]));
        scheduler.after(there, '', () => this.#arrive(post, init, { trouble, resolve, reject }));
      });
    });
  }

  #arrive(
    post: Post,
    init: RequestInit,
    how: {
      trouble: PostTrouble | undefined;
      resolve: (response: Response) => void;
      reject: (error: unknown) => void;
    },
  ): void {
    const { trouble, resolve, reject } = how;
    if (trouble === 'redirected') {
      const heard = () => {
        if (post.outcome === 'pending')
          Object.assign(post, { outcome: 'lost', how: 'something else answered' });
        resolve(elsewhere());
      };
      post.by.deliver(1, `hears another server for ${post.token.name}`, heard);
      return;
    }
    if (neverServed.has(trouble)) {
      if (trouble === 'neverArrives') return;
      const { by } = post;
      const outcome = trouble === 'unsent' ? 'unsent' : 'lost';
      by.deliver(1, `hears that ${post.token.name} failed`, () => fail(post, outcome, reject));
      return;
    }
    this.#options.arrived(post);
    void this.#serve(post, init, trouble).then((response) => {
      if (neverHeard.has(trouble)) return;
      const { chance } = this.#options.scheduler;
      const back = chance.between(1, chance.pick([20, 400]));
      const label = trouble === 'lostResponse' ? 'a broken connection' : response.status;
      post.by.deliver(back, `hears ${label} for ${post.token.name}`, () => {
        if (trouble === 'lostResponse') return fail(post, 'lost', reject);
        if (post.outcome === 'pending') Object.assign(post, outcomeOf(post, response, trouble));
        resolve(response);
      });
    });
  }

  async #serve(post: Post, init: RequestInit, trouble: PostTrouble | undefined): Promise<Response> {
    const { server, facts, scheduler, reused } = this.#options;
    const { token } = post;
    const fault = trouble && (answeredInstead[trouble]?.(scheduler.chance.next()) ?? answeredBadly[trouble]);
    if (fault !== undefined) server.fail(fault);
    const { refreshes, replays, reuses } = server.counts;
    const wasRevoked = token.family.revoked;
    const response = await server.fetch(server.metadata.tokenEndpoint, { ...init, signal: null });
    if (server.counts.refreshes + server.counts.replays > refreshes + replays) {
      post.committed = true;
      facts.issued(server, token.family, post, token.text);
    }
    if (server.counts.reuses > reuses && !wasRevoked) reused(post);
    const { type, error = '', issued = [] } = server.log.at(-1) ?? {};
    scheduler.note(`  server: ${post.by.name}'s ${token.name}: ${response.status} ${type} ${error}${issued}`);
    return response;
  }

  /** A replica of the API may not know a new token yet. */
  #serveCall(request: Request, accessToken: string | undefined): Promise<Response> {
    const { server, scheduler, facts, lag } = this.#options;
    const { since } = facts.accessTokens.get(accessToken ?? '') ?? {};
    if (since === undefined || scheduler.now - since >= lag()) return server.fetch(request);
    const challenge = { 'www-authenticate': 'Bearer error="invalid_token"' };
    return Promise.resolve(new Response(null, { status: 401, headers: challenge }));
  }

  /** A call of the API, or a revocation. */
  #request(
    process: Process,
    input: string | URL | Request,
    init: RequestInit | undefined,
  ): Promise<Response> {
    const { scheduler, troubles, server, calls, facts } = this.#options;
    const { chance } = scheduler;
    const request = new Request(input, { ...init, signal: null });
    const { pathname } = new URL(request.url);
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    const accessToken = request.headers.get('authorization')?.slice(7);
    const trouble = troubles.api();
    const name = accessToken === undefined ? '' : ` with ${server.idOf(accessToken)}`;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      signal?.addEventListener('abort', () => reject(signal.reason));
      process.deliver(chance.between(0, 3), `calls ${pathname}${name}`, () => {
        if (signal?.aborted) return;
        if (accessToken !== undefined) calls(pathname, accessToken);
        scheduler.after(chance.between(1, chance.pick([20, 400])), '', () => {
          if (trouble === 'unavailable')
            server.fail(faults.serverError, { on: accessToken ? 'api' : 'revocation' });
          void this.#serveCall(request, accessToken).then((response) => {
            process.deliver(
              chance.between(1, 20),
              `hears ${trouble ?? response.status} from ${pathname}`,
              () => {
                if (trouble === 'lost') return reject(new TypeError('fetch failed'));
                if (response.status === 401 && accessToken !== undefined) facts.rejected.add(accessToken);
                resolve(response);
              },
            );
          });
        });
      });
    });
  }
}

function fail(post: Post, outcome: 'unsent' | 'lost', reject: (error: unknown) => void): void {
  if (post.outcome === 'pending') Object.assign(post, { outcome, how: 'the connection broke' });
  const cause = Object.assign(new Error('refused'), {
    code: outcome === 'unsent' ? 'ECONNREFUSED' : 'ECONNRESET',
  });
  reject(new TypeError('fetch failed', { cause }));
}

function outcomeOf(post: Post, response: Response, trouble: PostTrouble | undefined): Partial<Post> {
  if (trouble === 'truncated' && post.committed) return { outcome: 'lost', how: 'the answer broke off' };
  if (trouble === 'captivePortal') return { outcome: 'lost', how: 'something else answered' };
  if (response.ok) return { outcome: 'granted' };
  return { outcome: response.status === 400 && trouble !== 'truncated' ? 'dead' : 'refused' };
}
