/**
 * The services that all sessions of a manager share. `src/context.ts` builds them once, from the options.
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
  /** Random name of this manager, for the pending-refresh marker. */
  readonly managerId: string;
  readonly clock: RequiredClock;
  readonly sessions: SessionRegistry;
  readonly events: EventEmitter;
  readonly emit: (event: AnyTokenEvent) => void;

  readonly store: SessionStore;
  /** Reach of the storage. */
  readonly reach: Reach;
  readonly lock: CheckedLock;
  /** Time to wait for the lock, in ms. */
  readonly lockTimeout: number;

  readonly server: AuthorizationServerResolver;
  readonly endpoint: TokenEndpoint;
  readonly grant: Grant;
  readonly dpop: Dpop | undefined;
  /** Scope of the grant if the token response names none. */
  readonly scope: readonly string[] | undefined;
  /** Time limit of a token request, in ms. */
  readonly timeout: number;
  /** Time before the expiry of an access token at which it is refreshed, in ms. */
  readonly refreshBefore: number;
  /** Time before the expiry of a refresh token at which `refreshTokenExpiring` is emitted, in ms. */
  readonly refreshTokenExpiringBefore: number;

  readonly transport: Transport;
  /** `true`: the application passed the transport, so it may have its own `Request` class. */
  readonly hasForeignRequests: boolean;
  /** Finds the protected resource that a URL belongs to. */
  readonly match: ResourceMatcher;
  readonly isInvalidToken: ProviderProfile['isInvalidToken'];
  /** Number of requests that are sent at the same time after they waited for a refresh. */
  readonly replayConcurrency: number;
}
