/** A keyring in memory, which can be made to do what a real one does on other systems, or when it fails. */
import type { KeyringEntry, KeyringModule } from 'tokenkeep/node';

export class KeyringDouble {
  /** By service and account. */
  readonly entries: Map<string, string> = new Map();
  /** All calls, in order, as `set service/account`. */
  readonly calls: string[] = [];
  /** The last arguments of the module's constructor. */
  options: unknown;
  /** Thrown by calls, if it says so. */
  fails: (call: 'get' | 'set' | 'delete') => Error | undefined = () => undefined;
  /** How many UTF-16 units an entry may have. On Windows 1280. */
  limit: number = Number.POSITIVE_INFINITY;
  /** Counts restarts of the daemon: entries of before do not work any more. */
  generation = 0;

  get module(): KeyringModule {
    const double = this;
    return {
      AsyncEntry: class implements KeyringEntry {
        readonly #name: string;
        readonly #generation: number = double.generation;

        constructor(service: string, account: string, options: unknown) {
          this.#name = `${service}/${account}`;
          double.options = options;
        }

        async getPassword() {
          this.#called('get');
          return double.entries.get(this.#name) ?? null;
        }

        async setPassword(text: string) {
          this.#called('set');
          if (text.length > double.limit) {
            throw new Error(`Attribute 'password' is longer than platform limit of ${double.limit} chars`);
          }
          double.entries.set(this.#name, text);
        }

        async deletePassword() {
          this.#called('delete');
          return double.entries.delete(this.#name);
        }

        #called(call: 'get' | 'set' | 'delete'): void {
          double.calls.push(`${call} ${this.#name}`);
          if (this.#generation !== double.generation) throw new Error('The session does not exist');
          const error = double.fails(call);
          if (error) throw error;
        }
      },
    };
  }
}
