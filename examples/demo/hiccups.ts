/** Failures on the way to the token endpoint that users do not notice. */
import type { TokenManager } from 'tokenkeep';
import type { Scene, Stage } from './stage.ts';

interface Cast extends Stage {
  readonly manager: TokenManager;
  /** tokenkeep's clock, which the story moves forward instead of waiting for minutes. */
  readonly clock: { ahead: number };
  readonly call: () => Promise<unknown>;
}

export const hiccups =
  ({ server, manager, clock, call }: Cast): Scene =>
  async ({ say, claim, facts }) => {
    const state = () => [facts().posts, facts().refreshes, facts().ok];
    const title = 'refreshes sent, refreshes done, calls answered';

    clock.ahead += 285_000; // of 300 s
    void server.hiccup({ status: 503, headers: { 'retry-after': '5' } });
    await call();
    say('time to refresh, and the server answers 503: the call uses the token that still lives');
    claim(title, state(), [1, 0, 1]);

    clock.ahead += 5_000;
    await call();
    say('Retry-After has passed');
    claim(title, state(), [2, 1, 2]);

    clock.ahead += 285_000;
    void server.hiccup({ drop: 'before' });
    await call();
    say('time to refresh, and the connection dies. Is the refresh token spent? It stays where it is');
    claim(title, state(), [3, 1, 3]);

    await server.endAccessToken((await manager.getTokens())?.accessToken ?? '');
    await call();
    say('the access token has expired, there is nothing to lose: one careful attempt');
    claim(title, state(), [4, 2, 4]);
    claim('refresh tokens reused', facts().reuses, 0);
  };
