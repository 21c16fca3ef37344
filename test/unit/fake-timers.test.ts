import { afterEach, expect, test, vi } from 'vitest';
import { TokenManager } from '../../src/index.ts';
import { authorizationServer } from '../../src/testing/index.ts';

afterEach(() => vi.useRealTimers());

test('a manager that was made before the fake timers goes by their time', async () => {
  const server = authorizationServer({ accessTokenLifetime: 60_000 });
  const manager = new TokenManager({
    clientId: 'test-client',
    authorizationServer: server.metadata,
    protectedResources: [server.apiOrigin],
    fetch: server.fetch,
  });
  await manager.setTokens(server.signIn());
  vi.useFakeTimers();
  vi.advanceTimersByTime(60_000);
  expect((await manager.fetch(server.apiOrigin)).status).toBe(200);
  expect(server.counts).toMatchObject({ refreshes: 1, apiRejected: 0 });
});
