/**
 * The encryption of Chromium on Linux, and of Electron's `safeStorage`: three letters that name the kind of key, then
 * AES-128-CBC with an initialization vector of blanks.
 */
import { createCipheriv, createDecipheriv, pbkdf2Sync } from 'node:crypto';

/** `v10`: the password stands in Chromium's sources. `v11`: it is in the password manager of the desktop. */
export type Kind = 'v10' | 'v11';

export const knownPassword = 'peanuts';

const vector = Buffer.alloc(16, ' ');

function keyOf(password: string): Buffer {
  return pbkdf2Sync(password, 'saltysalt', 1, 16, 'sha1');
}

export function encrypt(text: string | Buffer, kind: Kind, password: string): Buffer {
  const cipher = createCipheriv('aes-128-cbc', keyOf(password), vector);
  return Buffer.concat([Buffer.from(kind), cipher.update(Buffer.from(text as string)), cipher.final()]);
}

/** @throws for another kind or password. */
export function decrypt(bytes: Uint8Array, kind: Kind, password: string): Buffer {
  if (Buffer.from(bytes.subarray(0, 3)).toString() !== kind)
    throw new Error(`This is not of the kind ${kind}.`);
  const decipher = createDecipheriv('aes-128-cbc', keyOf(password), vector);
  return Buffer.concat([decipher.update(bytes.subarray(3)), decipher.final()]);
}
