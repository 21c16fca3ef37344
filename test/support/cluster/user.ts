/** A user of a backend in this process: a manager over a storage under test, and the strict server. */
import type { TokenStorage } from '../../../src/core/contracts.ts';
import type { TokenEventType } from '../../../src/core/events.ts';
import { TokenManager, type TokenManagerOptions } from '../../../src/index.ts';
import { authorizationServer, type TestAuthorizationServer } from '../../../src/testing/index.ts';

export interface User extends AsyncDisposable {
  readonly server: TestAuthorizationServer;
  readonly manager: TokenManager;
  /** What happened, by name, in order. */
  readonly events: TokenEventType[];
  /** Resolves as soon as this has happened. */
  until(type: TokenEventType): Promise<void>;
  /** Another backend of the same user. */
  another(storage: TokenStorage): TokenManager;
  /** Status of a call to the API. */
  call(manager?: TokenManager): Promise<number>;
}

const watched: readonly TokenEventType[] = [
  'refreshed',
  'adopted',
  'storeFailed',
  'stored',
  'signedOut',
  'sessionEnded',
  'refreshFailed',
  'lateTokensDiscarded',
];

/** Signs a user in. */
export async function signedIn(
  storage: TokenStorage,
  options: Partial<TokenManagerOptions> = {},
): Promise<User> {
  const server = authorizationServer();
  const managers: TokenManager[] = [];
  const another = (place: TokenStorage): TokenManager => {
    const manager = new TokenManager({
      clientId: 'test-client',
      authorizationServer: server.metadata,
      protectedResources: [server.apiOrigin],
      fetch: server.fetch,
      ...options,
      storage: place,
    });
    managers.push(manager);
    return manager;
  };
  const manager = another(storage);
  const events: TokenEventType[] = [];
  const waiting: { readonly type: TokenEventType; readonly resolve: () => void }[] = [];
  for (const type of watched) {
    manager.on(type, () => {
      events.push(type);
      for (const one of waiting) if (one.type === type) one.resolve();
    });
  }
  await manager.setTokens(server.signIn());
  return {
    server,
    manager,
    events,
    until: (type) =>
      events.includes(type) ? Promise.resolve() : new Promise((resolve) => waiting.push({ type, resolve })),
    another,
    call: async (one = manager) => (await one.fetch(`${server.apiOrigin}/orders`)).status,
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(managers.map((one) => one.close()));
    },
  };
}

/** What a promise rejects with, as text and as it is. */
export async function failure(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  return promise.then(
    () => Promise.reject(new Error('It was to reject, and resolved.')),
    (error: Error & Record<string, unknown>) => error,
  );
}
