/**
 * `tokenkeep/testing`: an authorization server to test against, a mock of a manager, and conformance kits for storages and locks.
 *
 * @module
 */

export type { CaseTimeout, ConformanceCase } from './conformance/conformance-case.ts';
export { register } from './conformance/conformance-case.ts';
export { keyStorageConformance } from './conformance/key-storage-conformance.ts';
export type { KeyStorageConformanceOptions, KeyStorageFixture } from './conformance/key-storage-laws.ts';
export { lockConformance } from './conformance/lock-conformance.ts';
export type { LockConformanceOptions, LockFixture } from './conformance/lock-under-test.ts';
export { storageConformance } from './conformance/storage-conformance.ts';
export type { StorageConformanceOptions, StorageFixture } from './conformance/storage-under-test.ts';
export type { MockClaims, MockSessionEnd } from './mock/mock-authorization-server.ts';
export type { MockFetch, MockTokenManager, MockTokenManagerOptions } from './mock/mock-token-manager.ts';
export { mockTokenManager } from './mock/mock-token-manager.ts';
export type { ApiCaller, ApiHandler } from './server/api-handler.ts';
export type { Demand } from './server/demands.ts';
export type { Dialect } from './server/dialect.ts';
export type { DpopProofError } from './server/dpop-proof-error.ts';
export type { Hold, ReceivedRequest, RequestChoice } from './server/fault-queue.ts';
export type { Fault, JsonMembers } from './server/faults.ts';
export { faults } from './server/faults.ts';
export type { EndpointName, ServerResponse } from './server/http-exchange.ts';
export type { ListenOptions } from './server/http-listener.ts';
export type { ApiRequest, ServerCounts, ServerEvent, ServerEventType } from './server/journal.ts';
export type { OAuthErrorCode } from './server/oauth-server-error.ts';
export type { ApiEcho } from './server/protected-api.ts';
export type { Refusal, RefusalStyle } from './server/refusals.ts';
export {
  insufficientClaims,
  insufficientScope,
  insufficientUserAuthentication,
  refusals,
} from './server/refusals.ts';
export type {
  AuthorizationServerOptions,
  DpopPolicy,
  ScopeNarrowing,
  ServerProfile,
  TestClient,
} from './server/server-settings.ts';
export type {
  ListeningServer,
  SignInOptions,
  TestAuthorizationServer,
} from './server/test-authorization-server.ts';
export { authorizationServer } from './server/test-authorization-server.ts';
export type { TestClock } from './server/test-clock.ts';
export { testClock } from './server/test-clock.ts';
