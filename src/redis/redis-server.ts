/**
 * Scripts on Redis, with a time limit. Every failure is a `StorageError` without secrets.
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
  /** Resolves when the client has connected: one listener for all callers. */
  #ready: Promise<void> | undefined = undefined;
  /** `true`: a write may not have reached the replicas. No reply counts before it has. */
  #isUnconfirmed = false;

  constructor(settings: RedisSettings) {
    this.#settings = settings;
  }

  /** Runs a script that writes nothing for the replicas. Resolves with its reply. */
  async execute(operation: StorageOperation, script: Script, call: ScriptCall): Promise<unknown> {
    return await this.#bounded(operation, async () => {
      await this.#confirm(call);
      return (await this.#run(script, call, false))[0];
    });
  }

  /** Runs a script, and waits until the replicas have its writes, if the option `wait` is set. Resolves with its reply. */
  async executeReplicated(operation: StorageOperation, script: Script, call: ScriptCall): Promise<unknown> {
    return await this.#bounded(operation, async () => {
      await this.#confirm(call);
      const [reply, replicas] = await this.#run(script, call, true);
      this.#expectReplicas(replicas);
      return reply;
    });
  }

  /**
   * Waits for the replicas. A write that they did not confirm is stored anyway, and readers would assume that it is durable. So no
   * operation continues before they have it.
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
      // Redis was restarted, or its scripts were flushed: send the script itself, which Redis then caches.
      if (!/^NOSCRIPT/.test(String((error as Error | null)?.message))) throw error;
      return await this.#send('text', script.text, call, waits);
    }
  }

  /** Sends `WAIT` right after the script, so that it concerns this connection and not a later one. */
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
    replicas.catch(() => undefined); // if the script fails, its error is reported
    this.#isUnconfirmed = true;
    return [await reply, Number(await replicas)];
  }

  /** Waits for the connection: the client would queue a command, and send it when it is no longer wanted. */
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

/** Converts an error. Redis quotes the arguments of an unknown command, and one of them is the record. */
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
