/**
 * The services that all sessions of a manager share. `src/context.ts` builds it, once, from the options.
 *
 * @module
 */

import type { RequiredClock } from '../async/abortable.ts';
import type { Reach, Transport } from '../core/contracts.ts';
import type { AnyTokenEvent } from '../core/events.ts';
import type { ResourceMatcher } from '../core/http/protected-resource.ts';
import type { Dpop } from '../core/oauth/dpop-key.ts';
import type { Grant } from '../core/oauth/grant.ts';
import type { ProviderProfile } from '../core/oauth/provider-profile.ts';
import type { CheckedLock } from '../core/session/lock-scope.ts';
import type { AuthorizationServerResolver } from '../token-endpoint/authorization-server-resolver.ts';
import type { TokenEndpoint } from '../token-endpoint/token-endpoint.ts';
import type { EventEmitter } from './event-emitter.ts';
import type { SessionRegistry } from './session-registry.ts';
import type { SessionStore } from './session-store.ts';

/** The services and settings that all sessions of a manager share. */
export interface ManagerContext {
  readonly clientId: string;
  /** A random name of this manager, for the pending-refresh marker. */
  readonly managerId: string;
  readonly clock: RequiredClock;
  readonly sessions: SessionRegistry;
  readonly events: EventEmitter;
  readonly emit: (event: AnyTokenEvent) => void;

  readonly store: SessionStore;
  /** The reach of the storage. */
  readonly reach: Reach;
  readonly lock: CheckedLock;
  /** How long to wait for the lock, in ms. */
  readonly lockTimeout: number;

  readonly server: AuthorizationServerResolver;
  readonly endpoint: TokenEndpoint;
  readonly grant: Grant;
  readonly dpop: Dpop | undefined;
  /** The scope of the grant, where the token response names none. */
  readonly scope: readonly string[] | undefined;
  /** How long a token request may take, in ms. */
  readonly timeout: number;
  /** How long before an access token expires it is refreshed, in ms. */
  readonly refreshBefore: number;
  /** How long before a refresh token expires `refreshTokenExpiring` is emitted, in ms. */
  readonly refreshTokenExpiringBefore: number;

  readonly transport: Transport;
  /** `true`: the transport is the application's and may have a `Request` class of its own. */
  readonly hasForeignRequests: boolean;
  /** Finds the protected resource that a URL belongs to. */
  readonly match: ResourceMatcher;
  readonly isInvalidToken: ProviderProfile['isInvalidToken'];
  /** How many requests that have waited for a refresh are sent at the same time. */
  readonly replayConcurrency: number;
}
