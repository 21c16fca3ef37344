/**
 * tokenkeep: a refresh token is spent once, its successor is never lost, and nobody but the token endpoint ever sees it.
 *
 * @module tokenkeep
 */

export type {
  Clock,
  Reach,
  StorageUnavailableReason,
  Stored,
  TokenLock,
  TokenStorage,
  Transport,
  Version,
} from './core/contracts.ts';
export {
  type AnyTokenKeepError,
  ConfigurationError,
  type ConfigurationErrorReason,
  type FailureHistory,
  isTokenKeepError,
  LockTimeoutError,
  LoginFailedError,
  type LoginFailedReason,
  LoginRequiredError,
  type LoginRequiredReason,
  RefreshFailedError,
  StorageError,
  TokenKeepError,
  type TokenKeepErrorCode,
} from './core/errors.ts';
export type {
  AnyTokenEvent,
  LoginName,
  RefreshTimes,
  SessionEvent,
  TokenEvents,
  TokenEventType,
  TokenListener,
} from './core/events.ts';
export type { ProtectedResource } from './core/http/protected-resource.ts';
export type { StepUp } from './core/http/rejection.ts';
export type {
  AuthorizationServer,
  ClientAuthentication,
  UnauthenticatedRequest,
} from './core/oauth/authorization-server.ts';
export type {
  ClientCredentialsGrant,
  Grant,
  RefreshTokenGrant,
  TokenHandlerGrant,
  TokenRequestExtras,
} from './core/oauth/grant.ts';
export type { IdTokenMismatch } from './core/oauth/jwt-claims.ts';
export type { FailureClass, ProviderProfile, TokenErrorResponse } from './core/oauth/provider-profile.ts';
export type { NotRevoked, NotRevokedReason, RevocationResult } from './core/oauth/revocation-result.ts';
export type {
  AccessTokenRequest,
  CookieSessionInfo,
  SetTokensOptions,
  TokenResponse,
  TokenSet,
} from './core/oauth/token-set.ts';
export type { RecordRejection } from './core/session/read-record.ts';
export { memoryLock } from './memory/memory-lock.ts';
export { memoryStorage } from './memory/memory-storage.ts';
export type { TokenManagerOptions } from './options.ts';
export type { InvalidTokenPredicate } from './request/invalid-token.ts';
export type { InspectedRecord, InspectedToken, Inspection } from './session/inspect.ts';
export type { SignOutOptions, SignOutResult } from './session/sign-out.ts';
export type { AuthorizationServerOption } from './token-endpoint/authorization-server-resolver.ts';
export { type DiscoverOptions, discover } from './token-endpoint/discovery.ts';
export { none } from './token-endpoint/public-client.ts';
export { inspect, TokenManager } from './token-manager.ts';
