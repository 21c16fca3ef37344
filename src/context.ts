/**
 * Builds the services that the sessions of a manager share, from its options.
 *
 * @module
 */

// biome-ignore assist/source/organizeImports: bundlers keep this order, and gzip finds repetitions within 32 kB only (0.3 kB)
import { refreshTokenGrant, TokenEndpoint } from './token-endpoint/token-endpoint.ts';
import { completeClock } from './async/abortable.ts';
import { emptyObject, ownMembers, readMember } from './core/own-members.ts';
import { checkKeyReach, checkLock } from './core/session/lock-scope.ts';
import { parseProtectedResources } from './core/http/protected-resource.ts';
import { memoryStorage } from './memory/memory-storage.ts';
import { platformFetch, watchPage } from './platform/environment.ts';
import { randomId } from './platform/web-crypto.ts';
import { EventEmitter } from './session/event-emitter.ts';
import { SessionRegistry } from './session/session-registry.ts';
import { SessionStore } from './session/session-store.ts';
import { AuthorizationServerResolver } from './token-endpoint/authorization-server-resolver.ts';
import { none } from './token-endpoint/public-client.ts';
import type { TokenManagerOptions } from './options.ts';
import type { ManagerContext } from './session/manager-context.ts';

/**
 * Builds the context from options that were checked one by one, and checks which of them fit together.
 *
 * @throws ConfigurationError that names the option and the remedy.
 */
export function createContext(options: TokenManagerOptions): ManagerContext {
  watchPage();
  const { clientId, storage = memoryStorage(), timeout = 30_000, dpop } = options;
  const { clientAuthentication = none(), tokenRequest } = options;
  checkKeyReach(dpop, storage);
  const { match, resources } = parseProtectedResources(options.protectedResources, pageUrl());
  const events = new EventEmitter();
  const { emit } = events;
  const clock = completeClock(options.clock);
  const transport = options.fetch ?? platformFetch();
  const server = new AuthorizationServerResolver(options.authorizationServer, { clock, timeout });
  const grant = ownMembers(server.known?.grant ?? options.grant) ?? refreshTokenGrant;
  const needsNoLogin = grant.kind !== 'refresh-token';
  const lock = checkLock(options.lock ?? readMember(storage, 'lock'), storage, timeout);
  const { headers = emptyObject, parameters = emptyObject } = ownMembers(tokenRequest) ?? emptyObject;
  const client = { clientId, clientAuthentication, headers, parameters };
  grant.check({ options, lock, resources });
  return {
    clientId,
    // Without hyphens it takes a tenth of the memory, because Node builds a UUID from 20 pieces.
    managerId: randomId().split('-').join(''),
    clock,
    sessions: new SessionRegistry(clientId),
    events,
    emit,
    store: new SessionStore({ storage, clock, timeout, clientId, server, emit, needsNoLogin }),
    reach: storage.reach,
    lock,
    // Time for the holder's refresh, a second one within a reuse window, and the write.
    lockTimeout: 2 * timeout + 10_000,
    server,
    endpoint: new TokenEndpoint({ ...client, grant, transport, clock, timeout }),
    grant,
    dpop,
    scope: options.scope,
    timeout,
    refreshBefore: options.refreshBefore ?? 30_000,
    refreshTokenExpiringBefore: options.refreshTokenExpiringBefore ?? 86_400_000,
    transport,
    hasForeignRequests: options.fetch !== undefined,
    match,
    isInvalidToken: options.isInvalidToken ?? server.profile?.isInvalidToken,
    replayConcurrency: options.replayConcurrency ?? 64,
  };
}

/** Returns a function for the base URL of relative resources. It runs at each call, because a page may change its base. */
function pageUrl(): (() => string) | undefined {
  const { document, location } = globalThis as {
    document?: { baseURI: string };
    location?: { href: string };
  };
  if (document !== undefined) return () => document.baseURI;
  return location === undefined ? undefined : () => location.href;
}
