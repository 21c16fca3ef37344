/**
 * Keys that no script can read, kept by the browser.
 *
 * @module
 */
import { isKeyPair, type KeyStorage } from '../core/possession.ts';
import { Database, type Operation, type Purpose } from './database.ts';

/** See {@link indexedDbKeys}. */
export interface IndexedDbKeysOptions {
  /** Name of the database, which may be that of `indexedDbStorage()`. @default 'tokenkeep' */
  readonly name?: string | undefined;
}

/**
 * Keeps the keys of `dpop()` in an IndexedDB database of this origin, for all its tabs and workers. They are WebCrypto keys that
 * are not extractable: script can have them sign, and cannot take them away.
 */
export function indexedDbKeys({ name = 'tokenkeep' }: IndexedDbKeysOptions = {}): KeyStorage {
  const database = new Database(name);
  return {
    reach: 'machine',
    async read(thumbprint) {
      const found = await database.run<unknown>(purpose('read'), (steps, result) =>
        steps.get('keys', nameOf(thumbprint), result),
      );
      return isKeyPair(found) ? found : undefined;
    },
    async write(thumbprint, { privateKey, publicKey }) {
      await database.run(purpose('write'), (steps) =>
        steps.put('keys', nameOf(thumbprint), { privateKey, publicKey }),
      );
    },
    async delete(thumbprint) {
      await database.run(purpose('delete'), (steps) => steps.delete('keys', nameOf(thumbprint)));
    },
  };
}

function purpose(operation: Operation): Purpose {
  return { operation, stores: ['keys'], writes: operation !== 'read' };
}

/** Beside the key that encrypts sessions. */
function nameOf(thumbprint: string): string {
  return `dpop:${thumbprint}`;
}
