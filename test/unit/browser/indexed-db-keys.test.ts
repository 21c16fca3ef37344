/** Keys in IndexedDB, without a browser. */
import { indexedDbKeys, indexedDbStorage } from 'tokenkeep/browser';
import { dpop } from 'tokenkeep/dpop';
import { keyStorageConformance, register } from 'tokenkeep/testing';
import { expect, test } from 'vitest';
import { installIndexedDb } from '../../support/indexed-db.ts';

installIndexedDb();

let count = 0;
const freshName = () => `keys ${count++}`;

register(
  test,
  keyStorageConformance(() => {
    const name = freshName();
    return { keys: indexedDbKeys({ name }), reopen: () => indexedDbKeys({ name }) };
  }),
);

test('9449-13: a key lies there as it is: not extractable, and no text', async () => {
  const keys = indexedDbKeys({ name: freshName() });
  const possession = dpop({ keys });
  const key = await possession.generate();
  await possession.keep(key);
  const { privateKey, publicKey } = (await keys.read(key.thumbprint)) ?? {};
  expect([privateKey?.extractable, publicKey?.extractable]).toEqual([false, true]);
  expect(privateKey).toBeInstanceOf(CryptoKey);
});

test('it lies beside encrypted sessions, and neither touches the other', async () => {
  const name = freshName();
  const storage = indexedDbStorage({ name, encrypt: true });
  const possession = dpop({ keys: indexedDbKeys({ name }) });
  await storage.write('one', { a: 1 }, undefined);
  const key = await possession.generate();
  await possession.keep(key);
  expect((await storage.read('one'))?.record).toEqual({ a: 1 });
  await possession.forget(key.thumbprint);
  expect(await possession.load(key.thumbprint)).toBeUndefined();
  expect((await storage.read('one'))?.record).toEqual({ a: 1 });
});

test('a browser without IndexedDB, or one that refuses, is a StorageError', async () => {
  const keys = indexedDbKeys({ name: freshName() });
  const { open } = indexedDB;
  indexedDB.open = () => {
    throw new DOMException('no', 'SecurityError');
  };
  await expect(keys.read('x')).rejects.toMatchObject({ code: 'ERR_STORAGE', operation: 'read' });
  indexedDB.open = open;
  expect(await keys.read('x')).toBeUndefined();
});
