/// <reference lib="esnext.disposable" preserve="true" />
/**
 * An authorization server with a protected API for tests, strict by default: the oracle that `tokenkeep` is tested against.
 *
 * @module
 */
import type { AuthorizationServer } from '../../core/oauth/authorization-server.ts';
import type { TokenResponse } from '../../core/oauth/token-set.ts';
import type { Demand } from './demands.ts';
import type { Hold, RequestChoice } from './fault-queue.ts';
import { choiceMembers, Gate } from './fault-queue.ts';
import { type Fault, faultMembers } from './faults.ts';
import type { ListenOptions } from './http-listener.ts';
import { listenOnPorts } from './http-listener.ts';
import type { ApiRequest, ServerCounts, ServerEvent } from './journal.ts';
import { requireKnownMembers } from './known-members.ts';
import { refusals } from './refusals.ts';
import { RequestPipeline } from './request-pipeline.ts';
import type { ServerContext } from './server-context.ts';
import { serverContext } from './server-context.ts';
import { createServerFetch } from './server-fetch.ts';
import { authorizationServerMetadata } from './server-metadata.ts';
import type { AuthorizationServerOptions, ServerSettings } from './server-settings.ts';
import { resolveSettings } from './server-settings.ts';

/** Parameters of a login. */
export interface SignInOptions {
  /** @default the first client */
  readonly clientId?: string;
  /** @default the `scope` of the server */
  readonly scope?: readonly string[];
  /** @default 'user' */
  readonly subject?: string;
  /** Lifetime of its first access token, in ms. @default the `accessTokenLifetime` of the server */
  readonly lifetime?: number;
  /** The authentication context that the user has met (RFC 9470). @default none */
  readonly acr?: string;
  /** URLs that its access tokens may be for, at or below. @default the whole API */
  readonly resource?: readonly string[];
  /** Thumbprint of the key that its tokens are bound to, in place of a DPoP proof. @default bearer tokens */
  readonly jkt?: string;
  /** `iss` of the ID token; for clients that come over HTTP, the `url` of `listen`. @default the `issuer` of the server */
  readonly issuer?: string;
}

/** The server over HTTP. It is the same server: tokens, counts and faults are shared with its `fetch`. */
export interface ListeningServer {
  /** The issuer. */
  readonly url: string;
  /** Origin of the API. */
  readonly apiUrl: string;
  readonly metadata: AuthorizationServer;
  /** Stops listening. */
  close(): Promise<void>;
  /** `await using`: stops listening. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Result of {@link authorizationServer}. */
export interface TestAuthorizationServer {
  readonly issuer: string;
  readonly apiOrigin: string;
  /** The `authorizationServer` of a `TokenManager`. */
  readonly metadata: AuthorizationServer;
  /** Sends requests to the server and its API without a network. A request to any other place fails like a network error. */
  readonly fetch: typeof globalThis.fetch;
  /** Counters of events. Live: always the same object. */
  readonly counts: Readonly<ServerCounts>;
  /** The events in order, with the reason of each refusal. No line contains a token. */
  readonly log: readonly ServerEvent[];
  /** The requests that reached the API, in order. */
  readonly requests: readonly ApiRequest[];
  /** Serves over HTTP as well, on loopback. Node only. */
  listen(options?: ListenOptions): Promise<ListeningServer>;
  /** Returns the tokens that a login would return: those of a new family. */
  signIn(options?: SignInOptions): TokenResponse;
  /**
   * Disconnects the network: `fetch` fails as Node's does if it cannot connect, and connections end at once. These requests are not
   * counted. Returns a function that reconnects.
   */
  goOffline(): () => void;
  /** Plans a fault for the next request. Returns a function that removes it. */
  fail(fault: Fault, choice?: RequestChoice): () => void;
  /**
   * Holds requests back until the returned function is called: before the server works, or with `commits` after that.
   * No timer is involved: `await hold.arrived()` waits until a request is held, `await hold()` until it was served. A
   * client that aborts meanwhile does not stop its request: the server has it.
   */
  hold(choice?: RequestChoice & { readonly commits?: boolean }): Hold;
  /** Sets a demand of the API beyond a valid token. Returns a function that removes it. */
  demand(demand: Demand): () => void;
  /** Lets the API reject an access token from now on; without one, all that were issued so far. */
  expire(accessToken?: string): void;
  /** Ends the family of any of its tokens, as an administrator would; without one, that of the latest login. */
  revokeFamily(token?: string): void;
  /** Checks whether a token would be accepted now. */
  isActive(token: string): boolean;
  /** Returns the newest refresh token of the family of any of its tokens; without one, of the latest login. */
  currentRefreshToken(token?: string): string | undefined;
  /** Returns the newest access token, with the same rules. */
  currentAccessToken(token?: string): string | undefined;
  /** Returns the short id of a token in `log`, `requests` and the echo of the API. */
  idOf(token: string): string | undefined;
  /** Replaces the nonces that DPoP proofs need, if they need any. */
  rotateNonces(): void;
  /** Resets counts, log and requests. Tokens, faults and holds stay. */
  reset(): void;
}

/**
 * Creates an authorization server and a protected API in this process.
 *
 * It is strict where the standards are: every refresh rotates, and a used refresh token that is sent again revokes its
 * whole family. Mistakes of a client are counted.
 *
 * @example
 * ```ts
 * import { TokenManager } from 'tokenkeep';
 * import { authorizationServer } from 'tokenkeep/testing';
 *
 * const server = authorizationServer();
 * const manager = new TokenManager({
 *   clientId: 'test-client',
 *   authorizationServer: server.metadata,
 *   protectedResources: ['https://api.test/'],
 *   fetch: server.fetch,
 * });
 * await manager.setTokens(server.signIn());
 *
 * server.expire();
 * await Promise.all(Array.from({ length: 10 }, () => manager.fetch('https://api.test/messages')));
 * server.counts.refreshes; // 1
 * server.counts.reuses; // 0
 * ```
 */
export function authorizationServer(options: AuthorizationServerOptions = {}): TestAuthorizationServer {
  const settings = resolveSettings(options);
  const context = serverContext(settings);
  const { refusal = 'rfc6750' } = options;
  const service = new RequestPipeline(context, typeof refusal === 'string' ? refusals[refusal] : refusal);
  const { issuer, apiOrigin } = settings;
  const { counts, log, requests } = context.journal;
  return {
    issuer,
    apiOrigin,
    metadata: authorizationServerMetadata(issuer, settings),
    fetch: createServerFetch((exchange) => service.serve(exchange), { issuer, apiOrigin }),
    counts,
    log,
    requests,
    listen: (how = {}) => listen(service, settings, how),
    signIn: (how = {}) => signIn(context, how),
    goOffline: () => service.goOffline(),
    fail(fault, choice = {}) {
      requireKnownMembers(fault, 'fail(fault, choice): fault', faultMembers);
      requireKnownMembers(choice, 'fail(fault, choice): choice', choiceMembers);
      return service.faults.add(fault, { times: 1, ...choice });
    },
    hold({ commits = false, ...choice } = {}) {
      requireKnownMembers(choice, 'hold(choice): choice', choiceMembers);
      const gate = new Gate(commits);
      return gate.hold(service.gates.add(gate, { times: Number.POSITIVE_INFINITY, ...choice }));
    },
    demand: (demand) => context.demands.add(demand),
    rotateNonces: () => context.proofs.rotate(),
    reset: () => context.journal.reset(),
    ...tokenControls(context),
  };
}

type TokenControls = Pick<
  TestAuthorizationServer,
  'expire' | 'revokeFamily' | 'isActive' | 'currentRefreshToken' | 'currentAccessToken' | 'idOf'
>;

function tokenControls(context: ServerContext): TokenControls {
  const { ledger, journal } = context;
  const find = (text: string) => ledger.accessToken(text) ?? ledger.refreshToken(text);
  return {
    expire(text) {
      const token = text === undefined ? undefined : ledger.accessToken(text);
      for (const one of text === undefined ? ledger.accessTokens() : token ? [token] : []) one.ended = true;
      journal.write('expired', { token: token?.id });
    },
    revokeFamily(text) {
      const family = ledger.family(text);
      if (family) context.revoke(family, 'revokeFamily was called');
    },
    isActive(text) {
      const token = find(text);
      return token !== undefined && ledger.isActive(token);
    },
    currentRefreshToken: (text) => ledger.family(text)?.current?.text,
    currentAccessToken: (text) => ledger.family(text)?.newest?.text,
    idOf: (text) => find(text)?.id,
  };
}

function signIn({ settings, ledger, journal, logins }: ServerContext, how: SignInOptions): TokenResponse {
  const { dialect } = settings;
  const { family, response } = ledger.signIn({
    clientId: how.clientId ?? [...settings.clients.keys()][0] ?? 'test-client',
    subject: how.subject ?? 'user',
    issuer: how.issuer ?? settings.issuer,
    jkt: how.jkt,
    scope: how.scope ?? settings.scope,
    resources: how.resource ?? [`${settings.apiOrigin}/`],
    ...(how.lifetime !== undefined && { lifetime: how.lifetime }),
  });
  logins.record(family, { acr: how.acr });
  journal.counts.signIns++;
  const issued = [family.newest?.id, family.current?.id].flatMap((id) => id ?? []);
  journal.write('signIn', { family: family.id, clientId: family.clientId, issued });
  // As in a parsed response: a member that is `undefined` is absent.
  return dialect.granted === undefined ? response : JSON.parse(JSON.stringify(dialect.granted(response)));
}

async function listen(
  service: RequestPipeline,
  settings: ServerSettings,
  how: ListenOptions,
): Promise<ListeningServer> {
  const ports = await listenOnPorts((exchange) => service.serve(exchange), settings, how);
  return {
    url: ports.issuer,
    apiUrl: ports.apiOrigin,
    metadata: authorizationServerMetadata(ports.issuer, settings),
    close: ports.close,
    [Symbol.asyncDispose]: ports.close,
  };
}
