import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type KeyringStorage, type KeyringStorageOptions, keyringStorage } from 'tokenkeep/node';
import type { LockFixture, StorageFixture } from 'tokenkeep/testing';
import type { SecretService } from '../../../support/servers/secret-service.ts';

type Records = 'keyring' | 'file';

/** A place in the keyring that no other test has. */
export function placeIn({ folder }: SecretService, records: Records = 'keyring'): KeyringStorageOptions {
  const name = randomUUID();
  return { service: `tokenkeep-test-${name}`, records, directory: join(folder, name) };
}

function handlesOf(options: KeyringStorageOptions): { open(): KeyringStorage; close(): void } {
  const handles: KeyringStorage[] = [];
  return {
    open() {
      const storage = keyringStorage(options);
      handles.push(storage);
      return storage;
    },
    close() {
      for (const handle of handles) handle.close();
    },
  };
}

export function storageFixture(ring: SecretService, records: Records): StorageFixture {
  const { open, close } = handlesOf(placeIn(ring, records));
  return {
    storage: open(),
    reopen: open,
    async breakDown() {
      await ring.lock();
      return () => ring.unlock();
    },
    close,
  };
}

export function lockFixture(ring: SecretService): LockFixture {
  const place = placeIn(ring);
  const { open, close } = handlesOf(place);
  return {
    lock: open().lock,
    reopen: () => open().lock,
    abandon: (name) => takeAndDie(place, name),
    close,
  };
}

const holder = fileURLToPath(new URL('lock-holder.ts', import.meta.url));

/** Another process takes the lock and is killed while it holds it. */
async function takeAndDie(place: KeyringStorageOptions, name: string): Promise<void> {
  const parameters = [holder, JSON.stringify(place), name];
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  await once(child, 'message');
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
