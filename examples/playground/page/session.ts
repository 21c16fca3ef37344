/** The program of each tab: an application with its own manager, whose tokens are in the storage that all tabs share. */
import { isTokenKeepError, TokenManager, type TokenResponse } from 'tokenkeep';
import { indexedDbStorage, webLock } from 'tokenkeep/browser';
import type { Fact, Wiring } from './facts.ts';
import { clockOf, type Pace } from './pace.ts';
import { Watched } from './watched.ts';

export interface Options {
  readonly wiring: Wiring;
  /** Which session: the same for all tabs of a page. */
  readonly session: string;
  readonly pace: Pace;
  readonly tell: (fact: Fact) => void;
}

/** A refresh that takes longer has failed; a tab that holds the lock for longer loses it. In ms. */
const timeout = 6_000;
const lease = 16_000;

export class Session {
  readonly #manager: TokenManager;
  readonly #clock: ReturnType<typeof clockOf>;
  readonly #options: Options;
  #calls = 0;

  constructor(options: Options) {
    const { wiring, session, pace, tell } = options;
    const { clientId, issuer, tokenEndpoint, revocationEndpoint, api } = wiring;
    const watched = new Watched({ pace, tell });
    this.#options = options;
    this.#clock = clockOf(pace);
    this.#manager = new TokenManager({
      clientId,
      authorizationServer: { issuer, tokenEndpoint, revocationEndpoint },
      protectedResources: [api],
      session,
      timeout,
      clock: this.#clock,
      storage: watched.storage(indexedDbStorage({ name: 'tokenkeep-playground' })),
      lock: watched.lock(webLock({ lease })),
      fetch: watched.fetch(tokenEndpoint),
    });
    this.#listen();
  }

  async signIn(tokens: object): Promise<void> {
    await this.#manager.setTokens(tokens as TokenResponse);
  }

  /** Calls the API so often, all at once. Resolves when every call has an end. */
  async call(times: number): Promise<void> {
    await this.#options.pace.awake();
    await Promise.all(Array.from({ length: times }, () => this.#one()));
  }

  async #one(): Promise<void> {
    const { tell, wiring } = this.#options;
    const call = ++this.#calls;
    tell({ what: 'asked', call });
    try {
      const response = await this.#manager.fetch(wiring.api, { headers: { 'x-call': `${call}` } });
      await response.text();
      tell({ what: 'got', call, result: response.status });
    } catch (error) {
      tell({ what: 'got', call, result: isTokenKeepError(error) ? error.code : 'no network' });
    }
  }

  /** Moves this tab's clock forward: twenty seconds more, and the access token has expired. It is time to refresh. */
  async age(): Promise<void> {
    const { expiresAt } = (await this.#manager.getTokens()) ?? {};
    if (expiresAt !== undefined) this.#clock.ahead += Math.max(0, expiresAt - 20_000 - this.#clock.now());
  }

  /** Leaves nothing behind in the browser. The servers forget the session when the page is closed. */
  forget(): void {
    void this.#manager.signOut({ revoke: false });
  }

  #listen(): void {
    const { tell } = this.#options;
    const manager = this.#manager;
    for (const type of ['refreshed', 'adopted', 'signedIn', 'storeFailed'] as const) {
      manager.on(type, () => tell({ what: 'event', type }));
    }
    manager.on('signedOut', ({ type, where }) => tell({ what: 'event', type, detail: where }));
    manager.on('sessionEnded', ({ type, error }) => tell({ what: 'event', type, detail: error.reason }));
    manager.on('refreshFailed', ({ type, error }) => {
      const answerLost = 'sent' in error && error.sent;
      tell({ what: 'event', type, detail: answerLost ? 'response lost' : error.code });
    });
  }
}
