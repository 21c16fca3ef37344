/**
 * Keys in IndexedDB that no script can export.
 *
 * @module
 */
import { isKeyPair, type KeyStorage } from '../core/oauth/dpop-key.ts';
import { requireName, requireOptions } from './argument-checks.ts';
import { type DatabaseConnection, IndexedDbDatabase } from './indexed-db-database.ts';

/** Options of {@link indexedDbKeys}. */
export interface IndexedDbKeysOptions {
  /** Name of the database, which may be that of `indexedDbStorage()`. @default 'tokenkeep' */
  readonly name?: string | undefined;
}

/**
 * Keeps the keys of `dpop()` in an IndexedDB database of this origin, for all its tabs and workers. The WebCrypto keys
 * are not extractable: a script can sign with them in this browser, but cannot export them.
 *
 * @throws ConfigurationError that names the option.
 */
export function indexedDbKeys(options: IndexedDbKeysOptions = {}): KeyStorage {
  requireOptions('indexedDbKeys(options)', options);
  const { name = 'tokenkeep' } = options;
  requireName('indexedDbKeys(options)', 'name', name);
  const database = new IndexedDbDatabase(name);
  return {
    reach: 'machine',
    async read(thumbprint) {
      const found = await database.use('read', (connection) => get(connection, nameOf(thumbprint)));
      return isKeyPair(found) ? found : undefined;
    },
    async write(thumbprint, { privateKey, publicKey }) {
      await database.use('write', ({ write }) =>
        write('keys', (keys) => keys.put({ privateKey, publicKey }, nameOf(thumbprint))),
      );
    },
    async delete(thumbprint) {
      await database.use('delete', ({ write }) => write('keys', (keys) => keys.delete(nameOf(thumbprint))));
    },
  };
}

function get({ read }: DatabaseConnection, name: string): Promise<unknown> {
  return read(
    'keys',
    (keys) => keys.get(name),
    (found: unknown) => found,
  );
}

/** Returns the name of a key, distinct from that of the key that encrypts sessions. */
function nameOf(thumbprint: string): string {
  return `dpop:${thumbprint}`;
}
