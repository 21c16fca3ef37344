/** A process that writes or deletes in the keyring, and kills itself before or after a call of the keyring. */
import * as module from '@napi-rs/keyring';
import type { KeyringEntry } from '../../../../src/node/keyring.ts';
import { keyringStorage } from '../../../../src/node/keyring-storage.ts';

export interface Death {
  readonly operation: 'write' | 'delete';
  readonly call: keyof KeyringEntry;
  readonly when: 'before' | 'after';
}

const [place = '{}', death = '{}', version = ''] = process.argv.slice(2);
const { operation, call, when }: Death = JSON.parse(death);

class Entry extends module.AsyncEntry implements KeyringEntry {
  override getPassword = () => this.#around('getPassword', () => super.getPassword());
  override setPassword = (text: string) => this.#around('setPassword', () => super.setPassword(text));
  override deletePassword = () => this.#around('deletePassword', () => super.deletePassword());

  async #around<T>(name: keyof KeyringEntry, work: () => Promise<T>): Promise<T> {
    if (name === call && when === 'before') die();
    const result = await work();
    if (name === call && when === 'after') die();
    return result;
  }
}

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

const storage = keyringStorage({ ...JSON.parse(place), keyring: { AsyncEntry: Entry } });
if (operation === 'write') await storage.write('key', { step: 'new' }, version || undefined);
else await storage.delete('key', version);
