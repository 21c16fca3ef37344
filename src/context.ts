/**
 * Builds what the sessions of a manager share from its options.
 *
 * @module
 */

import { completeClock } from './async/abortable.ts';
import { limitConcurrency } from './async/limit-concurrency.ts';
import type { Reach, TokenStorage, Transport } from './core/contracts.ts';
import { parseProtectedResources } from './core/http/protected-resource.ts';
import { emptyObject, ownMembers, readMember } from './core/own-members.ts';
import { checkKeyReach, checkLock } from './core/session/lock-scope.ts';
import { memoryStorage } from './memory/memory-storage.ts';
import { checkOptions, type TokenManagerOptions } from './options.ts';
import { hasBrowserFetch } from './platform/browser-fetch.ts';
import { platformFetch, watchPage } from './platform/environment.ts';
import { randomId } from './platform/web-crypto.ts';
import type { ManagerContext } from './refresh/refresh-attempt.ts';
import { RefreshCoordinator } from './refresh/refresh-coordinator.ts';
import { TokenSource } from './refresh/token-source.ts';
import { AuthorizedFetch } from './request/authorized-fetch.ts';
import { createRequestQueue } from './request/replay-queue.ts';
import { EventEmitter } from './session/event-emitter.ts';
import { SessionRegistry } from './session/session-registry.ts';
import { SessionStore } from './session/session-store.ts';
import type { SignInOptions } from './session/sign-in.ts';
import { AuthorizationServerResolver } from './token-endpoint/authorization-server-resolver.ts';
import { none } from './token-endpoint/client-authentication.ts';
import { refreshTokenGrant, TokenEndpoint } from './token-endpoint/token-endpoint.ts';

/** What all sessions of a manager share. */
export interface ManagerParts {
  readonly context: ManagerContext;
  readonly source: TokenSource;
  readonly fetch: AuthorizedFetch;
  readonly events: EventEmitter;
  readonly sessions: SessionRegistry;
  readonly signInOptions: SignInOptions;
  /** Of the storage. */
  readonly reach: Reach;
  /** Hears of changes of what is stored under a key, where the storage can tell. */
  readonly watch: ((key: string, listener: () => void) => () => void) | undefined;
}

/** @throws ConfigurationError that names the option and the remedy. */
export function createContext(given: TokenManagerOptions): ManagerParts {
  const options = checkOptions(given);
  watchPage();
  const { clientId, scope, storage = memoryStorage(), refreshBefore = 30_000 } = options;
  checkKeyReach(options.dpop, storage);
  const { match, resources } = parseProtectedResources(options.protectedResources, pageUrl());
  const transport = options.fetch ?? platformFetch();
  const events = new EventEmitter();
  const { emit } = events;
  const context = createServices(options, { storage, transport, emit });
  const { clock, grant, lock, server } = context;
  const isInvalidToken = options.isInvalidToken ?? server.profile?.isInvalidToken;
  grant.check({ options, lock, resources });
  const source = new TokenSource(new RefreshCoordinator(context), clock, refreshBefore);
  const enqueue = createRequestQueue(limitConcurrency(options.replayConcurrency ?? 64), clock);
  const redirectsAreVisible = !hasBrowserFetch();
  return {
    context,
    source,
    fetch: new AuthorizedFetch({
      transport,
      match,
      source,
      enqueue,
      clock,
      isInvalidToken,
      redirectsAreVisible,
      timeout: context.timeout,
      hasForeignRequests: options.fetch !== undefined,
      emit,
    }),
    events,
    sessions: new SessionRegistry(clientId),
    signInOptions: { clientId, scope, refreshBefore },
    reach: storage.reach,
    watch: readMember(storage, 'watch')?.bind(storage),
  };
}

function createServices(
  options: TokenManagerOptions,
  { storage, transport, emit }: { storage: TokenStorage; transport: Transport; emit: ManagerContext['emit'] },
): ManagerContext {
  const { clientId, timeout = 30_000, clientAuthentication = none(), tokenRequest } = options;
  const { headers = emptyObject, parameters = emptyObject } = ownMembers(tokenRequest) ?? emptyObject;
  const clock = completeClock(options.clock);
  const server = new AuthorizationServerResolver(options.authorizationServer, { clock, timeout });
  const owner = () => ({
    clientId,
    issuers: server.issuers,
    isNamed: server.isNamed,
    profile: server.profile,
  });
  const client = { clientId, clientAuthentication, headers, parameters };
  const grant = ownMembers(server.known?.grant ?? options.grant ?? refreshTokenGrant);
  return {
    store: new SessionStore({
      storage,
      clock,
      timeout,
      owner,
      emit,
      needsNoLogin: grant.kind !== 'refresh-token',
    }),
    lock: checkLock(options.lock ?? readMember(storage, 'lock'), storage, timeout),
    // A holder's refresh, once more inside a reuse window, and storing it.
    timeout,
    lockTimeout: 2 * timeout + 10_000,
    clock,
    server,
    endpoint: new TokenEndpoint({ ...client, grant, transport, clock, timeout }),
    grant,
    refreshTokenExpiringBefore: options.refreshTokenExpiringBefore ?? 86_400_000,
    dpop: options.dpop,
    managerId: randomId(),
    emit,
  };
}

function pageUrl(): (() => string) | undefined {
  const { document, location } = globalThis as {
    document?: { baseURI: string };
    location?: { href: string };
  };
  if (document !== undefined) return () => document.baseURI;
  return location === undefined ? undefined : () => location.href;
}
