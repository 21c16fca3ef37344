/** Locks and storages that are broken on purpose: a simulation that does not find them proves nothing. */
import type { TokenStorage, Version } from '../../src/index.ts';
import { isTokenKeepError } from '../../src/index.ts';
import type { Doubles } from './fleet.ts';
import { errands, type Grant } from './process.ts';

/** It is granted to everybody at once. */
export const lockForEverybody: Doubles = {
  lock: (lock, process) => ({
    ...lock,
    request: (name, _options, callback) => {
      const grant: Grant = { name, process, at: 0, over: false, lost: undefined };
      return errands.run({ process, grant }, callback);
    },
  }),
};

/** It is taken away now and then, and does not say that this happens. */
export const lockThatConceals: Doubles = {
  lock: (lock) => ({ ...lock, mayBeLost: false }),
};

/** Releases after three seconds, whichever process holds it and whatever it declares about leases. */
export const lockThatLetsGo: Doubles = {
  lock: (lock, process) => ({
    ...lock,
    request: (name, options, callback) => {
      let held: Promise<unknown> = Promise.resolve();
      const impatient = lock.request(name, options, () => {
        held = callback();
        held.catch(() => undefined);
        return Promise.race([
          held,
          new Promise((resolve) => process.clock.setTimeout(() => resolve(0), 3_000)),
        ]);
      });
      return impatient.then(() => held) as ReturnType<typeof callback>;
    },
  }),
};

function changing(change: (storage: TokenStorage) => Partial<TokenStorage>): Doubles {
  return { storage: (storage) => ({ ...storage, ...change(storage) }) };
}

/** Whatever version is expected, it writes. */
export const storageWithoutVersions: Doubles = changing((storage) => {
  const write = async (key: string, record: object, ifVersion: Version | undefined): Promise<Version> => {
    try {
      return await storage.write(key, record, ifVersion);
    } catch (error) {
      if (!isTokenKeepError(error) || !('conflict' in error) || !error.conflict) throw error;
      return await write(key, record, (await storage.read(key))?.version);
    }
  };
  return { write };
});

/** It keeps everything but the marker that a refresh token is being spent. */
export const storageWithoutMarks: Doubles = changing((storage) => ({
  write: (key, { pendingRefresh: _pendingRefresh, ...record }: { pendingRefresh?: unknown }, ifVersion) =>
    storage.write(key, record, ifVersion),
}));

/** It says "deleted", and it is not. */
export const storageThatKeeps: Doubles = changing(() => ({ delete: async () => undefined }));

/** The deleted record is another's by now. */
export const storageThatDeletesAll: Doubles = changing((storage) => ({
  delete: (key) => storage.delete(key),
}));

/** It drops the login from which the record descends. */
export const storageWithoutLogins: Doubles = changing((storage) => ({
  write: (
    key,
    { login: _login, idToken: _idToken, subject: _subject, ...record }: Record<string, unknown>,
    ifVersion,
  ) => storage.write(key, record, ifVersion),
}));

/** It follows redirects of the token endpoint, and its responses do not say so. */
export const transportThatConceals: Doubles = {
  fetch: (fetch) => async (input, init) => {
    const response = await fetch(input, init);
    return response.redirected ? new Response(response.body, response) : response;
  },
};
