/** Where keys rest, without a browser. */
import { memoryStorage } from 'tokenkeep';
import { dpop, exportedKeys, type KeyStorage, memoryKeys } from 'tokenkeep/dpop';
import { keyStorageConformance, register } from 'tokenkeep/testing';
import { describe, expect, test } from 'vitest';

describe('memoryKeys()', () => {
  register(
    test,
    keyStorageConformance(() => ({ keys: memoryKeys() }), { reopen: false }),
  );
});

describe('exportedKeys(storage)', () => {
  register(
    test,
    keyStorageConformance(() => {
      const storage = memoryStorage();
      return { keys: exportedKeys(storage), reopen: () => exportedKeys(storage) };
    }),
  );

  const kept = async () => {
    const storage = memoryStorage();
    const keys = exportedKeys(storage);
    const possession = dpop({ keys });
    const key = await possession.generate();
    await possession.keep(key);
    const name = `dpop:${key.thumbprint}`;
    const stored = await storage.read(name);
    return {
      storage,
      keys,
      key,
      name,
      version: stored?.version,
      record: stored?.record as { jwk: JsonWebKey },
    };
  };

  test('a key that is read into memory cannot be exported again', async () => {
    const { keys, key } = await kept();
    const pair = await keys.read(key.thumbprint);
    expect([pair?.privateKey.extractable, pair?.privateKey.usages]).toEqual([false, ['sign']]);
  });

  test.each([
    ['another schema', (record: object) => ({ ...record, schema: 2 })],
    ['no algorithm', (record: object) => ({ ...record, algorithm: 'none' })],
    ['another algorithm', (record: object) => ({ ...record, algorithm: 'RS256' })],
    ['no key', (record: object) => ({ ...record, jwk: null })],
    ['half a key', (record: { jwk: object }) => ({ ...record, jwk: { ...record.jwk, d: undefined } })],
    ['another key', (record: { jwk: object }) => ({ ...record, jwk: { ...record.jwk, x: 'AAAA' } })],
    ['garbage', () => ({ hello: 'world' })],
  ])('B69: %s in its place is a lost key, not a crash', async (_, change) => {
    const { storage, keys, key, name, version, record } = await kept();
    await storage.write(name, change(record), version);
    expect(await keys.read(key.thumbprint)).toBeUndefined();
  });

  test('a key is never replaced', async () => {
    const { keys, key } = await kept();
    const other = dpop({ keys });
    const pair = (await other.generate()) as unknown as { keys: CryptoKeyPair };
    await keys.write(key.thumbprint, pair.keys);
    expect((await other.load(key.thumbprint))?.thumbprint).toBe(key.thumbprint);
  });
});

describe('keyStorageConformance()', () => {
  const broken: Record<string, (keys: KeyStorage) => KeyStorage> = {
    'forgets what it was given': (keys) => ({ ...keys, write: async () => undefined }),
    'deletes nothing': (keys) => ({ ...keys, delete: async () => undefined }),
    'rejects for what is not there': (keys) => ({
      ...keys,
      read: async (name) => (await keys.read(name)) ?? Promise.reject(new Error('gone')),
    }),
    'keeps one key for all': (keys) => ({
      ...keys,
      read: () => keys.read('all'),
      write: (_, pair) => keys.write('all', pair),
      delete: () => keys.delete('all'),
    }),
    'hands over null': (keys) => ({
      ...keys,
      read: async (name) => (await keys.read(name)) ?? (null as never),
    }),
  };

  test.each(Object.keys(broken))('finds a storage that %s', async (name) => {
    const cases = keyStorageConformance(() => ({ keys: broken[name]?.(memoryKeys()) as KeyStorage }), {
      reopen: false,
    });
    const failures = await Promise.allSettled(cases.map(({ run }) => run()));
    expect(failures.some(({ status }) => status === 'rejected')).toBe(true);
  });

  test('wants to know of a storage that cannot be opened twice', async () => {
    const cases = keyStorageConformance(() => ({ keys: memoryKeys() }));
    const failures = await Promise.allSettled(cases.map(({ run }) => run()));
    expect(failures.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  });
});
