/**
 * A user who is signed in: a strict authorization server, its API, a clock that stands still, and a manager.
 */

import type { TokenStorage } from '../../src/core/contracts.ts';
import type { AnyTokenEvent, TokenEventType } from '../../src/core/events.ts';
import { memoryStorage } from '../../src/memory/memory-storage.ts';
import type { TokenManagerOptions } from '../../src/options.ts';
import type { TestAuthorizationServer, TestClock } from '../../src/testing/index.ts';
import { authorizationServer, testClock } from '../../src/testing/index.ts';
import type { AuthorizationServerOptions } from '../../src/testing/server/server-settings.ts';
import { TokenManager } from '../../src/token-manager.ts';

export interface Scene {
  readonly server: TestAuthorizationServer;
  readonly clock: TestClock;
  readonly storage: TokenStorage;
  readonly manager: TokenManager;
  /** What the manager told, in order. */
  readonly events: AnyTokenEvent[];
  /** Another manager on the same storage, as after a restart. */
  another(options?: Partial<TokenManagerOptions>): TokenManager;
  /** The status of a call to the API. */
  call(path?: string, init?: RequestInit): Promise<number>;
}

export const api = 'https://api.test/orders';

const eventTypes: readonly TokenEventType[] = [
  'refreshed',
  'adopted',
  'signedIn',
  'signedOut',
  'sessionEnded',
  'refreshTokenExpiring',
  'refreshFailed',
  'sessionStuck',
  'scopeNarrowed',
  'storeFailed',
  'stored',
  'idTokenRejected',
  'recordRejected',
  'recordReplaced',
  'stepUpRequired',
  'lateTokensDiscarded',
  'listenerFailed',
];

export async function scene(
  options: Partial<TokenManagerOptions> = {},
  serverOptions: AuthorizationServerOptions = {},
): Promise<Scene> {
  const clock = testClock();
  const server = authorizationServer({ clock, ...serverOptions });
  const storage = options.storage ?? memoryStorage();
  const another = (more: Partial<TokenManagerOptions> = {}) =>
    new TokenManager({
      clientId: 'test-client',
      authorizationServer: server.metadata,
      protectedResources: [server.apiOrigin],
      fetch: server.fetch,
      clock,
      ...options,
      storage,
      ...more,
    });
  const manager = another();
  const events: AnyTokenEvent[] = [];
  for (const type of eventTypes) manager.on(type, (event) => events.push(event as AnyTokenEvent));
  await manager.setTokens(server.signIn());
  events.length = 0;
  const call = async (url: string = api, init?: RequestInit) => (await manager.fetch(url, init)).status;
  return { server, clock, storage, manager, events, another, call };
}

/** What a promise rejects with. */
export async function refusal(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  return promise.then(
    () => Promise.reject(new Error('It was to reject, and resolved.')),
    (error: Error & Record<string, unknown>) => error,
  );
}

/** `count` of what `make` makes. */
export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
