/**
 * tokenkeep: a refresh token is spent once, its successor is never lost, and nobody but the token endpoint ever sees it.
 *
 * @module tokenkeep
 */
export type {
  AuthorizationServer,
  ClientAuthentication,
  UnauthenticatedRequest,
} from './core/authorization-server.ts';
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
export type { Grant, TokenRequestExtras } from './core/grant.ts';
export type { IdTokenFault } from './core/id-token.ts';
export type { ProtectedResource } from './core/protected-resource.ts';
export type { FailureClass, ProviderProfile, TokenErrorResponse } from './core/provider-profile.ts';
export type { StepUp } from './core/rejection.ts';
export type { NotRevoked, NotRevokedReason, RevocationResult } from './core/revocation.ts';
export type { Unreadable } from './core/session-record.ts';
export type {
  AccessTokenRequest,
  CookiesSet,
  SetTokensOptions,
  TokenResponse,
  TokenSet,
} from './core/token-set.ts';
export type { AuthorizationServerOption } from './flow/authorization-server-source.ts';
export {
  type AssertionOptions,
  type BasicOptions,
  type ClientKey,
  clientSecretBasic,
  clientSecretJwt,
  clientSecretPost,
  none,
  privateKeyJwt,
  tlsClientAuth,
} from './flow/client-authentication.ts';
export { type ClientCredentialsOptions, clientCredentials } from './flow/client-credentials.ts';
export { type DiscoverOptions, discover } from './flow/discovery.ts';
export type { InspectedRecord, InspectedToken, Inspection } from './flow/inspection.ts';
export type { InvalidTokenPredicate } from './flow/invalid-token.ts';
export type { SignOutOptions, SignOutResult } from './flow/sign-out.ts';
export type { SigningAlgorithm } from './flow/signing-key.ts';
export { memoryLock } from './memory/memory-lock.ts';
export { memoryStorage } from './memory/memory-storage.ts';
export type { TokenManagerOptions } from './options.ts';
export { TokenManager } from './token-manager.ts';
