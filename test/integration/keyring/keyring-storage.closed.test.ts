/** A Secret Service in which no keyring was ever opened: it says of everything that there is nothing. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { TokenManager } from 'tokenkeep';
import { keyringStorage } from 'tokenkeep/node';
import { authorizationServer } from 'tokenkeep/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keyLost } from '../../../src/core/session/read-record.ts';
import { SecretService } from '../../support/servers/secret-service.ts';
import { placeIn } from './support/keyring-fixture.ts';

let ring: SecretService;
beforeAll(async () => {
  ring = await SecretService.start({ open: false });
});
afterAll(() => ring?.[Symbol.asyncDispose]());

test.each(['keyring', 'file'] as const)(
  "records: '%s': nobody is signed in, a login is used and kept in memory, and stored when there is a keyring",
  async (records) => {
    using storage = keyringStorage(placeIn(ring, records));
    const server = authorizationServer();
    const options = {
      clientId: 'test-client',
      authorizationServer: server.metadata,
      protectedResources: [server.apiOrigin],
      fetch: server.fetch,
      storage,
    };
    const manager = new TokenManager(options);
    await expect(manager.fetch(server.apiOrigin)).rejects.toMatchObject({ reason: 'no_tokens' });
    const failures: string[] = [];
    manager.on('storeFailed', ({ error }) => failures.push(error.message));
    await expect(manager.setTokens(server.signIn())).rejects.toMatchObject({ code: 'ERR_STORAGE' });
    expect(failures).toEqual([expect.stringContaining('There is no keyring yet, or it was never unlocked.')]);
    expect((await manager.fetch(server.apiOrigin)).status).toBe(200);
    await ring.killRing();
    await ring.startRing(true);
    await manager.close();
    expect((await new TokenManager(options).getTokens())?.refreshToken).toBe(server.currentRefreshToken());
    await noKeyring();
    await ring.startRing(false);
  },
);

test.each(['keyring', 'file'] as const)(
  "records: '%s': a session that the keyring does not show is not taken for none",
  async (records) => {
    await ring.killRing();
    await ring.startRing(true);
    using storage = keyringStorage(placeIn(ring, records));
    const version = await storage.write('key', { step: 1 }, undefined);
    await noKeyring();
    await ring.startRing(false);
    const closed = {
      code: 'ERR_STORAGE',
      conflict: false,
      message: expect.stringContaining('never unlocked'),
    };
    await expect(storage.read('key')).rejects.toMatchObject({ ...closed, operation: 'read' });
    if (records === 'keyring') {
      await expect(storage.delete('key')).rejects.toMatchObject({ ...closed, operation: 'delete' });
    }
    // Only an open keyring that has nothing proves that there is nothing.
    await ring.killRing();
    await ring.startRing(true);
    const stored = await storage.read('key');
    const gone = { record: keyLost, version };
    expect(stored).toEqual(records === 'keyring' ? undefined : gone);
    await noKeyring();
    await ring.startRing(false);
  },
);

/** Everything that was in the keyring is lost, as with a home that was not mounted. */
async function noKeyring(): Promise<void> {
  await ring.killRing();
  rmSync(join(ring.folder, 'XDG_DATA_HOME'), { recursive: true });
}
