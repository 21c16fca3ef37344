import { afterEach, expect, test, vi } from 'vitest';
import { TokenManager } from '../../src/index.ts';
import { authorizationServer } from '../../src/testing/index.ts';
import { optionsFor } from '../support/open-manager.ts';

afterEach(() => vi.useRealTimers());

test('a manager that was made before the fake timers goes by their time', async () => {
  const server = authorizationServer({ accessTokenLifetime: 60_000 });
  const manager = new TokenManager({
    ...optionsFor(server),
  });
  await manager.setTokens(server.signIn());
  vi.useFakeTimers();
  vi.advanceTimersByTime(60_000);
  expect((await manager.fetch(server.apiOrigin)).status).toBe(200);
  expect(server.counts).toMatchObject({ refreshes: 1, apiRejected: 0 });
});
