import type { KeyringStorageOptions } from 'tokenkeep/node';
import { type Family, family, processes } from '../../../support/processes/family.ts';
import type { SessionProcess } from '../../../support/processes/session-processes.ts';
import type { SecretService } from '../../../support/servers/secret-service.ts';
import { placeIn } from './keyring-fixture.ts';

/** A session in the keyring, the strict server that it is of, and processes that have it open. */
export interface SharedSession extends AsyncDisposable {
  readonly server: Family['server'];
  readonly all: SessionProcess[];
  readonly keyring: KeyringStorageOptions;
  readonly open: Family['session'];
}

/** The processes are signed in, and the access token has just ended. */
export async function sharedSession(
  ring: SecretService,
  count: number,
  { plain = false, records }: { plain?: boolean; records?: 'keyring' | 'file' } = {},
): Promise<SharedSession> {
  const shared = await family();
  const all = await processes(count);
  const keyring = placeIn(ring, records);
  const open = { ...shared.session, keyring, plain };
  const first = all[0] as SessionProcess;
  const close = async (): Promise<void> => {
    await all[Symbol.asyncDispose]();
    await shared[Symbol.asyncDispose]();
  };
  try {
    await Promise.all(all.map((one) => one.open(open)));
    await shared.signIn(first);
  } catch (error) {
    await close(); // else they would outlive the test
    throw error;
  }
  shared.server.expire();
  return { server: shared.server, all, keyring, open, [Symbol.asyncDispose]: close };
}
