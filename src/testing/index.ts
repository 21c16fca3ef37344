/**
 * `tokenkeep/testing`: an authorization server to test against, and conformance kits for storages and locks.
 *
 * @module
 */
export type {
  ListeningServer,
  SignInOptions,
  TestAuthorizationServer,
} from './authorization-server.ts';
export { authorizationServer } from './authorization-server.ts';
export type { ConformanceCase, Patience } from './conformance.ts';
export { register } from './conformance.ts';
export type { Demand } from './demands.ts';
export type { Dialect } from './dialect.ts';
export { dialects } from './dialects/dialects.ts';
export type { Hold, ReceivedRequest, RequestChoice } from './fault-queue.ts';
export type { Fault, Members } from './faults.ts';
export { faults } from './faults.ts';
export type { ListenOptions } from './http-form.ts';
export type { ApiRequest, ServerCounts, ServerEvent, ServerEventType } from './journal.ts';
export { keyStorageConformance } from './key-storage-conformance.ts';
export type { KeyStorageConformanceOptions, KeyStorageFixture } from './laws/kept-keys.ts';
export type { LockConformanceOptions, LockFixture } from './laws/lock-trial.ts';
export type { StorageConformanceOptions, StorageFixture } from './laws/storage-trial.ts';
export { lockConformance } from './lock-conformance.ts';
export type { OAuthErrorCode } from './oauth-refusal.ts';
export type { ApiCaller, ApiHandler } from './own-api.ts';
export type { ProofRefusal } from './proof-refusal.ts';
export type { ApiEcho } from './protected-api.ts';
export type { Refusal, RefusalStyle } from './refusals.ts';
export {
  insufficientClaims,
  insufficientScope,
  insufficientUserAuthentication,
  refusals,
} from './refusals.ts';
export type {
  AuthorizationServerOptions,
  DpopPolicy,
  ScopeNarrowing,
  ServerProfile,
  TestClient,
} from './settings.ts';
export { storageConformance } from './storage-conformance.ts';
export type { TestClock } from './test-clock.ts';
export { testClock } from './test-clock.ts';
export type { Answer, EndpointName } from './wire.ts';
