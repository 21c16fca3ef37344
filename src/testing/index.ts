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
export type { Hold, ReceivedRequest, RequestChoice } from './fault-queue.ts';
export type { Fault, Members } from './faults.ts';
export { faults } from './faults.ts';
export type { ListenOptions } from './http-form.ts';
export type { ApiRequest, ServerCounts, ServerEvent, ServerEventType } from './journal.ts';
export type { ApiEcho } from './protected-api.ts';
export type { Refusal, RefusalStyle } from './refusals.ts';
export { insufficientScope, insufficientUserAuthentication, refusals } from './refusals.ts';
export type { AuthorizationServerOptions, ServerProfile, TestClient } from './settings.ts';
export type { TestClock } from './test-clock.ts';
export { testClock } from './test-clock.ts';
export type { Answer, EndpointName } from './wire.ts';
