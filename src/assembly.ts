/**
 * Options in, floors wired.
 *
 * @module
 */
import type { Reach, TokenStorage, Transport } from './core/contracts.ts';
import { member, nothing, ownMembers } from './core/own-members.ts';
import { nameResources } from './core/protected-resource.ts';
import { checkKeys, lockOf } from './core/reach.ts';
import type { Workshop } from './flow/attempt.ts';
import { AuthorizationServerSource } from './flow/authorization-server-source.ts';
import { AuthorizedFetch } from './flow/authorized-fetch.ts';
import { none } from './flow/client-authentication.ts';
import { Listeners } from './flow/listeners.ts';
import { pacedBy } from './flow/pacing.ts';
import { platformFetch, watchPage } from './flow/platform.ts';
import { RefreshCoordinator } from './flow/refresh-coordinator.ts';
import { SessionRegistry } from './flow/session-registry.ts';
import { SessionStore } from './flow/session-store.ts';
import type { SignInOptions } from './flow/sign-in.ts';
import { refreshTokenGrant, TokenEndpoint } from './flow/token-endpoint.ts';
import { TokenSource } from './flow/token-source.ts';
import { completeClock } from './flow/waiting.ts';
import { memoryStorage } from './memory/memory-storage.ts';
import { takingTurns } from './memory/turns.ts';
import { checkOptions, type TokenManagerOptions } from './options.ts';
import { hasBrowserFetch } from './platform/browser-fetch.ts';
import { randomId } from './platform/web-crypto.ts';

/** What all sessions of a manager share. */
export interface Assembly {
  readonly workshop: Workshop;
  readonly source: TokenSource;
  readonly fetch: AuthorizedFetch;
  readonly listeners: Listeners;
  readonly sessions: SessionRegistry;
  readonly signIn: SignInOptions;
  /** Of the storage. */
  readonly reach: Reach;
  /** Hears of changes of what is stored under a key, where the storage can tell. */
  readonly watch: ((key: string, listener: () => void) => () => void) | undefined;
}

/** @throws ConfigurationError that names the option and the remedy. */
export function assemble(given: TokenManagerOptions): Assembly {
  const options = checkOptions(given);
  watchPage();
  const { clientId, scope, storage = memoryStorage(), refreshBefore = 30_000 } = options;
  checkKeys(options.dpop, storage);
  const { match, resources } = nameResources(options.protectedResources, pageUrl());
  const transport = options.fetch ?? platformFetch();
  const listeners = new Listeners();
  const { tell } = listeners;
  const workshop = workshopOf(options, { storage, transport, tell });
  const { clock, grant, lock, server } = workshop;
  const isInvalidToken = options.isInvalidToken ?? server.profile?.isInvalidToken;
  grant.check?.({ options, lock, resources });
  const source = new TokenSource(new RefreshCoordinator(workshop), clock, refreshBefore);
  const pace = pacedBy(takingTurns(options.replayConcurrency ?? 64), clock);
  const redirectsAreVisible = !hasBrowserFetch();
  return {
    workshop,
    source,
    fetch: new AuthorizedFetch({
      transport,
      match,
      source,
      pace,
      clock,
      isInvalidToken,
      cookies: grant.cookies,
      redirectsAreVisible,
      timeout: workshop.timeout,
      hasForeignRequests: options.fetch !== undefined,
      tell,
    }),
    listeners,
    sessions: new SessionRegistry(clientId),
    signIn: { clientId, scope, refreshBefore },
    reach: storage.reach,
    watch: member(storage, 'watch')?.bind(storage),
  };
}

function workshopOf(
  options: TokenManagerOptions,
  { storage, transport, tell }: { storage: TokenStorage; transport: Transport; tell: Workshop['tell'] },
): Workshop {
  const { clientId, timeout = 30_000, clientAuthentication = none(), tokenRequest } = options;
  const { headers = nothing, parameters = nothing } = ownMembers(tokenRequest) ?? nothing;
  const clock = completeClock(options.clock);
  const server = new AuthorizationServerSource(options.authorizationServer, { clock, timeout });
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
      tell,
      isExpendable: grant.begin !== undefined,
    }),
    lock: lockOf(options.lock ?? member(storage, 'lock'), storage, timeout),
    // A holder's refresh, once more inside a reuse window, and storing it.
    timeout,
    lockTimeout: 2 * timeout + 10_000,
    clock,
    server,
    endpoint: new TokenEndpoint({ ...client, grant, transport, clock, timeout }),
    grant,
    expiringBefore: options.refreshTokenExpiringBefore ?? 86_400_000,
    dpop: options.dpop,
    name: randomId(),
    tell,
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
