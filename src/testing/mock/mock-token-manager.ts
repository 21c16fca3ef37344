/**
 * A manager for component tests and stories: a real one, whose authorization server is part of it.
 *
 * @module
 */
import type { Clock, TokenStorage } from '../../core/contracts.ts';
import { ConfigurationError, isTokenKeepError } from '../../core/errors.ts';
import { memoryStorage } from '../../memory/memory-storage.ts';
import type { TokenManagerOptions } from '../../options.ts';
import { TokenManager } from '../../token-manager.ts';
import { type MemberNames, requireKnownMembers } from '../server/known-members.ts';
import {
  MockAuthorizationServer,
  type MockClaims,
  type MockSessionEnd,
} from './mock-authorization-server.ts';

/** Answers the requests of an application, as `fetch` does. It may return a response in place of a promise. */
export type MockFetch = (...request: Parameters<typeof globalThis.fetch>) => Response | Promise<Response>;

/** Options of {@link mockTokenManager}. */
export interface MockTokenManagerOptions {
  /** URLs that get an access token, as in the options of your manager. */
  readonly protectedResources: TokenManagerOptions['protectedResources'];
  /** Whether a user has signed in before the application starts. @default true */
  readonly signedIn?: boolean | undefined;
  /** Claims of the user's ID token, here and for `signIn()` without claims. @default { sub: 'mock-user' } */
  readonly claims?: MockClaims | undefined;
  /** Answers the requests of the application. @default every request that would be sent rejects with a `ConfigurationError` */
  readonly fetch?: MockFetch | undefined;
}

/** A `TokenManager` with functions by which a test or a story signs its user in and ends the session. */
export interface MockTokenManager extends TokenManager {
  /**
   * Signs a user in, as a login does: the session is replaced, and `signedIn` is emitted.
   *
   * @param options `claims` of the ID token. The default is the option `claims` of the mock.
   */
  signIn(options?: { readonly claims?: MockClaims | undefined }): Promise<void>;
  /**
   * Ends the session as a server does: a refresh is refused, and `sessionEnded` is emitted with this reason.
   *
   * @param reason The default is `invalid_grant`. For `response_lost` a refresh without a response comes first, and
   *   emits `refreshFailed`.
   * @throws ConfigurationError if no one is signed in.
   */
  endSession(reason?: MockSessionEnd): Promise<void>;
}

/**
 * Returns a manager for component tests and stories: a `TokenManager` with the same events and errors. It keeps its
 * tokens in memory and sends nothing to an authorization server: a login is `signIn()`, and every refresh succeeds at
 * once. It starts no timer, so fake timers cannot stop it, and needs no `crypto.subtle`.
 *
 * Its tokens do not expire. A 401 of your `fetch` starts a refresh and a replay, as in production. To test refreshes that
 * fail, expiry, and everything else that a server decides, use {@link authorizationServer}. The functions of
 * `tokenkeep/login` need a server too: call `signIn()` where your application calls one of them.
 *
 * @example
 * ```ts
 * import { mockTokenManager } from 'tokenkeep/testing';
 *
 * const manager = mockTokenManager({
 *   protectedResources: ['https://api.example.com/'],
 *   claims: { sub: 'ada', name: 'Ada' },
 *   fetch: () => Response.json([{ id: 1 }]),
 * });
 * await manager.fetch('https://api.example.com/orders'); // has an Authorization header
 * await manager.endSession(); // emits `sessionEnded`
 * await manager.signIn({ claims: { sub: 'grace' } }); // emits `signedIn`
 * ```
 * @throws ConfigurationError that names the option and the remedy.
 */
export function mockTokenManager(options: MockTokenManagerOptions): MockTokenManager {
  checkMockOptions(options);
  return new MockManager(options);
}

/** Time without timers: the mock answers at once, so nothing waits for a limit. */
const clock: Clock = { now: () => Date.now(), setTimeout: () => undefined, clearTimeout: () => undefined };

class MockManager extends TokenManager implements MockTokenManager {
  readonly #server: MockAuthorizationServer;
  readonly #claims: MockClaims | undefined;

  constructor({ protectedResources, signedIn = true, claims, fetch = sendNothing }: MockTokenManagerOptions) {
    const server = new MockAuthorizationServer();
    const storage = memoryStorage();
    const shared: TokenManagerOptions = {
      clientId: MockAuthorizationServer.clientId,
      authorizationServer: MockAuthorizationServer.metadata,
      protectedResources,
      clock,
      // `async`, because a response that is lost is a rejection.
      fetch: async (input, init) => server.respond(input) ?? (await fetch(input, init)),
    };
    // The session is stored by a manager that lived before this one, as before a reload: no event is emitted.
    const stored = signedIn
      ? new TokenManager({ ...shared, storage }).setTokens(server.signIn(claims))
      : Promise.resolve();
    super({ ...shared, storage: storageAfter(stored, storage) });
    this.#server = server;
    this.#claims = claims;
  }

  async signIn({ claims = this.#claims }: { readonly claims?: MockClaims | undefined } = {}): Promise<void> {
    checkClaims(claims, 'signIn({ claims }): claims');
    await this.setTokens(this.#server.signIn(claims));
  }

  async endSession(reason: MockSessionEnd = 'invalid_grant'): Promise<void> {
    if (!['invalid_grant', 'response_lost'].includes(reason))
      throw new ConfigurationError(
        "endSession(reason): the reason must be 'invalid_grant' or 'response_lost'.",
      );
    let tokens = await this.getTokens();
    if (tokens === undefined)
      throw new ConfigurationError('endSession(): no one is signed in. Call signIn() first.');
    this.#server.refuseRefreshes(reason);
    try {
      // More than once: a lost response does not end a session yet, and neither does a refresh that is on its way.
      for (let turn = 0; tokens !== undefined && turn < 3; turn++) {
        await this.getAccessToken({ rejectedToken: tokens.accessToken }).catch(ignoreFailure);
        tokens = await this.getTokens();
      }
    } finally {
      this.#server.allowRefreshes();
    }
  }
}

/** The events report it, and so do the calls of the application. */
function ignoreFailure(error: unknown): void {
  if (!isTokenKeepError(error)) throw error;
}

/** Returns the storage as it is once `stored` has resolved. It reports no changes: all that are made after that are the mock's own. */
function storageAfter(stored: Promise<void>, storage: TokenStorage): TokenStorage {
  return {
    reach: storage.reach,
    ...(storage.lock !== undefined && { lock: storage.lock }),
    read: (key) => stored.then(() => storage.read(key)),
    write: (key, record, ifVersion) => stored.then(() => storage.write(key, record, ifVersion)),
    delete: (key, ifVersion) => stored.then(() => storage.delete(key, ifVersion)),
  };
}

function sendNothing(input: string | URL | Request): never {
  const url = typeof input === 'object' && 'url' in input ? input.url : String(input);
  const [place] = url.split(/[?#]/); // the rest may hold a secret
  throw new ConfigurationError(
    `The mock sends no request to the network. Pass mockTokenManager({ fetch }), and let it answer ${place}.`,
  );
}

const names: MemberNames<MockTokenManagerOptions> = {
  protectedResources: true,
  signedIn: true,
  claims: true,
  fetch: true,
};

/** The other options are checked here, and `protectedResources` by the manager. */
function checkMockOptions(options: MockTokenManagerOptions): void {
  requireKnownMembers(options, 'mockTokenManager(options)', names);
  const { signedIn, claims, fetch } = options;
  if (signedIn !== undefined && typeof signedIn !== 'boolean')
    throw new ConfigurationError('The option signedIn must be true or false.');
  if (fetch !== undefined && typeof fetch !== 'function')
    throw new ConfigurationError('The option fetch must be a function that returns a Response.');
  checkClaims(claims, 'The option claims');
}

function checkClaims(claims: unknown, name: string): void {
  if (claims === undefined || (typeof claims === 'object' && claims !== null && !Array.isArray(claims)))
    return;
  throw new ConfigurationError(`${name} must be an object such as { sub: 'ada' }.`);
}
