/** A server that renders pages imports what the page imports, and makes the manager that the page makes. */
import { TokenManager, type TokenStorage } from 'tokenkeep';
import { indexedDbStorage, webStorage } from 'tokenkeep/browser';
import { afterEach, expect, test, vi } from 'vitest';
import { explained } from '../../support/explained.ts';

const net = vi.fn<typeof fetch>();
const made = (storage: TokenStorage) =>
  new TokenManager({
    clientId: 'app',
    authorizationServer: { tokenEndpoint: 'https://as.example.com/token' },
    protectedResources: ['https://api.example.com/'],
    storage,
    fetch: net,
  });

afterEach(() => {
  vi.unstubAllGlobals();
  net.mockReset();
});

test.each([
  [
    'indexedDbStorage()',
    () => indexedDbStorage(),
    /There is no IndexedDB here.*leave the session to the page/,
  ],
  ['webStorage()', () => webStorage(() => localStorage), /There is no such storage here/],
])(
  '%s: a manager can be made, and whatever is asked of it says that there is no browser',
  async (_name, open, why) => {
    const manager = made(open());
    const says = { code: 'ERR_STORAGE', message: expect.stringMatching(why) };
    await expect(manager.getTokens()).rejects.toMatchObject(says);
    await expect(manager.getAccessToken()).rejects.toMatchObject(says);
    await expect(manager.fetch('https://api.example.com/orders')).rejects.toMatchObject(says);
    await expect(manager.signOut()).rejects.toMatchObject({ code: 'ERR_STORAGE' });
    await manager.close();
    expect(net).not.toHaveBeenCalled();
  },
);

test('its lock belongs to no one, and says so', async () => {
  const { lock } = indexedDbStorage();
  const asked = lock?.request('name', {}, async () => undefined);
  await expect(asked).rejects.toMatchObject({
    code: 'ERR_CONFIGURATION',
    message: expect.stringMatching(/not a browser/),
  });
});

test('where there is such a storage but no browser, its lock reaches one process, and is refused', () => {
  vi.stubGlobal('indexedDB', {});
  expect(() => made(indexedDbStorage())).toThrow(explained(/reaches a process, but the storage a machine/));
  expect(() => made(webStorage(() => ({}) as Storage))).toThrow(explained(/reaches a process/));
});

test('in a browser without Web Locks nothing is made', () => {
  vi.stubGlobal('document', {});
  vi.stubGlobal('navigator', {});
  expect(() => made(indexedDbStorage())).toThrow(/no Web Locks/);
});
