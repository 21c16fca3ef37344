/**
 * Running scripts on Redis: bounded in time, and failing with nothing but a `StorageError` without secrets.
 *
 * @module
 */

import { platformClock, withTimeout } from '../async/abortable.ts';
import { StorageError } from '../core/errors.ts';
import { safeCause } from '../core/http/network-error.ts';
import type { StorageOperation } from '../core/stored-record.ts';
import { isConnecting, runScript, type ScriptCall, waitForReplicas, whenReady } from './redis-client.ts';
import type { RedisSettings } from './redis-options.ts';
import { type Script, touchScript } from './redis-scripts.ts';

export class RedisServer {
  readonly #settings: RedisSettings;
  /** While the client connects: one listener for all callers. */
  #ready: Promise<void> | undefined = undefined;
  /** `true`: something was written that the replicas may not have. Nothing is true before they do. */
  #isUnconfirmed = false;

  constructor(settings: RedisSettings) {
    this.#settings = settings;
  }

  /** The reply of a script that changes nothing that has to reach the replicas. */
  async execute(operation: StorageOperation, script: Script, call: ScriptCall): Promise<unknown> {
    return await this.#bounded(operation, async () => {
      await this.#confirm(call);
      return (await this.#run(script, call, false))[0];
    });
  }

  /** The reply of a script when the replicas have what it wrote, if that is wanted. */
  async executeReplicated(operation: StorageOperation, script: Script, call: ScriptCall): Promise<unknown> {
    return await this.#bounded(operation, async () => {
      await this.#confirm(call);
      const [reply, replicas] = await this.#run(script, call, true);
      this.#expectReplicas(replicas);
      return reply;
    });
  }

  /**
   * A write that the replicas did not confirm is stored anyway, and readers would take it for durable. So nothing
   * continues before they have it.
   */
  async #confirm({ keys }: ScriptCall): Promise<void> {
    if (!this.#isUnconfirmed) return;
    const call = { keys: [`${keys[0]}:confirm`], arguments: [] };
    const [, replicas] = await this.#run(touchScript, call, true);
    this.#expectReplicas(replicas);
  }

  #expectReplicas(replicas: number): void {
    const { wait } = this.#settings;
    this.#isUnconfirmed = wait !== undefined && replicas < wait.replicas;
    if (!this.#isUnconfirmed) return;
    throw new Error(
      `Of ${wait?.replicas} replicas ${replicas} confirmed the write within ${wait?.timeout} ms.`,
    );
  }

  async #run(script: Script, call: ScriptCall, waits: boolean): Promise<readonly [unknown, number]> {
    try {
      return await this.#send('hash', script.sha1, call, waits);
    } catch (error) {
      // It was restarted, or its scripts were flushed: send the script itself, which it then remembers.
      if (!/^NOSCRIPT/.test(String((error as Error | null)?.message))) throw error;
      return await this.#send('text', script.text, call, waits);
    }
  }

  /** `WAIT` right behind the script, so that it is about this very connection and not about one that came after it. */
  async #send(
    by: 'hash' | 'text',
    text: string,
    call: ScriptCall,
    waits: boolean,
  ): Promise<readonly [unknown, number]> {
    const { client, wait } = this.#settings;
    const reply = runScript(client, by, text, call);
    if (!waits || wait === undefined) return [await reply, 0];
    const replicas = waitForReplicas(client, wait.replicas, wait.timeout);
    replicas.catch(() => undefined); // if the script fails, that is what is reported
    this.#isUnconfirmed = true;
    return [await reply, Number(await replicas)];
  }

  /** Nothing is sent while the client has no connection: it would queue it, and send it when it is no longer wanted. */
  async #connected(): Promise<void> {
    const { client } = this.#settings;
    if (!isConnecting(client)) return;
    this.#ready ??= whenReady(client).finally(() => {
      this.#ready = undefined;
    });
    await this.#ready;
  }

  async #bounded<T>(operation: StorageOperation, run: () => Promise<T>): Promise<T> {
    const { timeout } = this.#settings;
    let isOver = false;
    const whenConnected = async (): Promise<T> => {
      await this.#connected();
      if (isOver) throw new Error('It came too late.');
      return await run();
    };
    try {
      return await withTimeout({ clock: platformClock, timeout }, whenConnected);
    } catch (error) {
      throw toStorageError(operation, error);
    } finally {
      isOver = true;
    }
  }
}

/** Redis quotes the arguments of a command that it does not know, and an argument of ours is the record. */
function toStorageError(operation: StorageOperation, error: unknown): StorageError {
  const cause = safeCause(error, []);
  if (cause !== undefined) {
    cause.message = cause.message.replace(/,? with args beginning with.*/s, '');
    cause.stack = `${cause.name}: ${cause.message}`;
  }
  return new StorageError(
    `Redis failed to ${operation} the session. It must be reachable and writable, a primary, and allow this client ` +
      'EVAL, EVALSHA and PUBLISH; the cause says more. Nothing is lost: try again.',
    { operation, cause },
  );
}
