/**
 * Options in, floors wired.
 *
 * @module
 */
import { ConfigurationError } from './core/errors.ts';
import { nameResources } from './core/protected-resource.ts';
import type { Workshop } from './flow/attempt.ts';
import { AuthorizationServerSource } from './flow/authorization-server-source.ts';
import { AuthorizedFetch } from './flow/authorized-fetch.ts';
import { none } from './flow/client-authentication.ts';
import { Listeners } from './flow/listeners.ts';
import { pacedBy } from './flow/pacing.ts';
import { RefreshCoordinator } from './flow/refresh-coordinator.ts';
import { SessionRegistry } from './flow/session-registry.ts';
import { SessionStore } from './flow/session-store.ts';
import type { SignInOptions } from './flow/sign-in.ts';
import { TokenEndpoint } from './flow/token-endpoint.ts';
import { TokenSource } from './flow/token-source.ts';
import { completeClock } from './flow/waiting.ts';
import { memoryStorage } from './memory/memory-storage.ts';
import { takingTurns } from './memory/turns.ts';
import { checkLock, checkOptions, type TokenManagerOptions } from './options.ts';

/** What all sessions of a manager share. */
export interface Assembly {
  readonly workshop: Workshop;
  readonly source: TokenSource;
  readonly fetch: AuthorizedFetch;
  readonly listeners: Listeners;
  readonly sessions: SessionRegistry;
  readonly signIn: SignInOptions;
  /** Hears of changes of what is stored under a key, where the storage can tell. */
  readonly watch: ((key: string, listener: () => void) => () => void) | undefined;
}

/** @throws ConfigurationError that names the option and the remedy. */
export function assemble(options: TokenManagerOptions): Assembly {
  checkOptions(options);
  if (globalThis.crypto?.subtle === undefined) {
    throw new ConfigurationError(
      'This page is no secure context, so it has no WebCrypto. Serve it over https or from localhost.',
    );
  }
  const { clientId, storage = memoryStorage(), timeout = 30_000, refreshBefore = 30_000 } = options;
  const lock = options.lock ?? storage.lock;
  if (lock === undefined) {
    throw new ConfigurationError(
      'The option lock is missing: this storage brings none. Give one that reaches as far.',
    );
  }
  checkLock(lock, storage, timeout);
  const clock = completeClock(options.clock);
  const transport = options.fetch ?? platformFetch();
  const server = new AuthorizationServerSource(options.authorizationServer);
  const { match } = nameResources(options.protectedResources, pageUrl());
  const listeners = new Listeners();
  const { tell } = listeners;
  const owner = () => ({ clientId, issuers: server.issuers });
  const store = new SessionStore({ storage, clock, timeout, owner, tell });
  const { clientAuthentication = none(), tokenRequest: { headers = {}, parameters = {} } = {} } = options;
  const endpoint = new TokenEndpoint({
    clientId,
    clientAuthentication,
    transport,
    clock,
    timeout,
    headers,
    parameters,
  });
  const lockTimeout = 2 * timeout + 10_000; // the holder's refresh, once more inside a reuse window, and storing it
  const name = crypto.randomUUID();
  const workshop: Workshop = { store, lock, lockTimeout, clock, server, endpoint, name, tell };
  const source = new TokenSource(new RefreshCoordinator(workshop), clock, refreshBefore);
  const pace = pacedBy(takingTurns(options.replayConcurrency ?? 64), clock);
  const { isInvalidToken } = options;
  const redirectsAreVisible = !isBrowser();
  return {
    workshop,
    source,
    fetch: new AuthorizedFetch({ transport, match, source, pace, isInvalidToken, redirectsAreVisible, tell }),
    listeners,
    sessions: new SessionRegistry(clientId),
    signIn: { clientId, scope: options.scope, refreshBefore },
    watch: storage.watch?.bind(storage),
  };
}

/** As it is now: when the application later puts `manager.fetch` in its place, that must not call itself. */
function platformFetch(): typeof globalThis.fetch {
  const { fetch } = globalThis;
  if (typeof fetch !== 'function') {
    throw new ConfigurationError('The option fetch is missing, and this platform has no fetch of its own.');
  }
  return (input, init) => fetch(input, init);
}

function pageUrl(): (() => string) | undefined {
  const { document, location } = globalThis as {
    document?: { baseURI: string };
    location?: { href: string };
  };
  if (document !== undefined) return () => document.baseURI;
  return location === undefined ? undefined : () => location.href;
}

/** In a browser a redirect that is not followed shows nothing of where it leads (`opaqueredirect`). */
function isBrowser(): boolean {
  return 'document' in globalThis || 'WorkerGlobalScope' in globalThis;
}
