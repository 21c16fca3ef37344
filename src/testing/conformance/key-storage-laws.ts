/**
 * The laws of a storage for keys.
 *
 * @module
 */
import { isKeyPair, type KeyStorage } from '../../core/oauth/dpop-key.ts';
import { formatValue, type Law, must } from './conformance-case.ts';

/** A new storage for keys that shares nothing with any other one. */
export interface KeyStorageFixture {
  readonly keys: KeyStorage;
  /** Opens the same storage once more, as another tab, process or machine does. */
  reopen?(): KeyStorage | Promise<KeyStorage>;
  /** Cleans up after a law. */
  close?(): unknown;
}

/** Capabilities that a storage for keys does not have. */
export interface KeyStorageConformanceOptions {
  /** `false`: there is one handle only, which contains the storage. @default true */
  readonly reopen?: boolean;
}

const text = new TextEncoder().encode('signed');
const signing = { name: 'ECDSA', hash: 'SHA-256' };

async function pair({ exports }: KeyStorage): Promise<{ name: string; made: CryptoKeyPair }> {
  const curve = { name: 'ECDSA', namedCurve: 'P-256' };
  const made = await crypto.subtle.generateKey(curve, exports === true, ['sign', 'verify']);
  const { crv, kty, x, y } = await crypto.subtle.exportKey('jwk', made.publicKey);
  const digest = await crypto.subtle.digest(
    'SHA-256',
    new TextEncoder().encode(JSON.stringify({ crv, kty, x, y })),
  );
  const name = btoa(String.fromCharCode(...new Uint8Array(digest)));
  return { made, name: name.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '') };
}

/** Checks that a key that was read signs, and that its signature is that of the key that was written. */
async function mustSign(keys: KeyStorage, name: string, made: CryptoKeyPair, what: string): Promise<void> {
  const found: unknown = await keys.read(name);
  must(isKeyPair(found), `${what}: expected a key pair, saw ${formatValue(found)}.`);
  const signature = await crypto.subtle.sign(signing, found.privateKey, text);
  const isItsOwn = await crypto.subtle.verify(signing, made.publicKey, signature, text);
  must(isItsOwn, `${what}: it does not sign like what was written.`);
  const jwk = await crypto.subtle.exportKey('jwk', found.publicKey);
  const written = await crypto.subtle.exportKey('jwk', made.publicKey);
  must(jwk.x === written.x && jwk.y === written.y, `${what}: its public half is another one.`);
  must(!found.privateKey.extractable || keys.exports === true, `${what}: it can be exported.`);
}

const keeps: Law<KeyStorageFixture> = {
  law: 'key-1',
  title: 'a key that is read signs like the key that was written, and cannot be exported',
  async verify({ keys }) {
    const [one, other] = [await pair(keys), await pair(keys)];
    await keys.write(one.name, one.made);
    await keys.write(other.name, other.made);
    await mustSign(keys, one.name, one.made, 'The first key');
    await mustSign(keys, other.name, other.made, 'The second key');
  },
};

const reaches: Law<KeyStorageFixture> = {
  law: 'key-1',
  title: 'another handle reads it, and sees that it was deleted',
  async verify({ keys, reopen }) {
    must(reopen !== undefined, 'createKeys() gives no reopen(). Give one, or declare { reopen: false }.');
    const { name, made } = await pair(keys);
    await keys.write(name, made);
    const other = await reopen();
    await mustSign(other, name, made, 'Read by another handle');
    await keys.delete(name);
    must((await other.read(name)) === undefined, 'Another handle reads what was deleted.');
  },
};

const again: Law<KeyStorageFixture> = {
  law: 'key-1',
  title: 'writing it once more is no error',
  async verify({ keys }) {
    const { name, made } = await pair(keys);
    await keys.write(name, made);
    await keys.write(name, made);
    await mustSign(keys, name, made, 'Written twice');
  },
};

const lost: Law<KeyStorageFixture> = {
  law: 'key-2',
  title: 'a missing key is undefined',
  async verify({ keys }) {
    const { name } = await pair(keys);
    must((await keys.read(name)) === undefined, 'A key that was never written was read.');
  },
};

const deleted: Law<KeyStorageFixture> = {
  law: 'key-3',
  title: 'a deleted key is gone, the others are not, and deleting nothing succeeds',
  async verify({ keys }) {
    const [one, other] = [await pair(keys), await pair(keys)];
    await keys.delete(one.name);
    await keys.write(one.name, one.made);
    await keys.write(other.name, other.made);
    await keys.delete(one.name);
    must((await keys.read(one.name)) === undefined, 'A key that was deleted was read.');
    await mustSign(keys, other.name, other.made, 'The key beside it');
  },
};

export function lawsOfKeys({
  reopen = true,
}: KeyStorageConformanceOptions): readonly Law<KeyStorageFixture>[] {
  return [keeps, ...(reopen ? [reaches] : []), again, lost, deleted];
}
