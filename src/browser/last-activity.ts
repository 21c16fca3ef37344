/**
 * The time of the last activity of a login, as all tabs of an origin share it. It contains no token.
 *
 * @module
 */

import { StorageError } from '../core/errors.ts';
import { openChannel } from './change-channel.ts';

/** When the user was last active, in Unix ms, and under which login. */
export interface Activity {
  readonly login: string | null;
  readonly at: number;
}

/**
 * Stored for tabs that are opened or wake up later, and sent to those that run. Messages contain the time itself: they can
 * arrive before another process sees what was stored.
 */
export class LastActivity {
  readonly #name: string;
  readonly #onActivity: (activity: Activity) => void;
  readonly #onError: (error: unknown) => void;
  #channel: BroadcastChannel | undefined;
  #hasFailed = false;

  constructor(name: string, onActivity: (activity: Activity) => void, onError: (error: unknown) => void) {
    this.#name = name;
    this.#onActivity = onActivity;
    this.#onError = onError;
  }

  open(): void {
    if (this.#channel !== undefined) return;
    this.#channel = openChannel(this.#name);
    this.#channel?.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (isActivity(data)) this.#onActivity(data);
    });
  }

  /** A page with an open channel is not kept in the back/forward cache by every browser. */
  close(): void {
    this.#channel?.close();
    this.#channel = undefined;
  }

  /** Returns the latest activity of a login. */
  read(login: string | null): Activity | undefined {
    const text = this.#run('read', (storage) => storage.getItem(this.#name));
    try {
      const stored: unknown = JSON.parse(text ?? 'null');
      return isActivity(stored) && stored.login === login ? stored : undefined;
    } catch {
      return undefined; // written by another program
    }
  }

  write(activity: Activity): void {
    this.#run('write', (storage) => storage.setItem(this.#name, JSON.stringify(activity)));
    this.#channel?.postMessage(activity);
  }

  /** Forgets the activity of a login that has ended. That of a later login stays. */
  remove(login: string | null): void {
    if (this.read(login) !== undefined) this.#run('delete', (storage) => storage.removeItem(this.#name));
  }

  #run<T>(operation: 'read' | 'write' | 'delete', run: (storage: Storage) => T): T | undefined {
    try {
      return run(globalThis.localStorage);
    } catch (cause) {
      if (!this.#hasFailed) this.#onError(notShared(operation, cause));
      this.#hasFailed = true;
      return undefined;
    }
  }
}

function notShared(operation: 'read' | 'write' | 'delete', cause: unknown): StorageError {
  return new StorageError(
    'idleSignOut(): localStorage failed, so pages that are opened later do not know when the user was last active. ' +
      'Allow site data for this site.',
    { operation, cause },
  );
}

function isActivity(value: unknown): value is Activity {
  const { login, at } = (value ?? {}) as Partial<Activity>;
  return (login === null || typeof login === 'string') && Number.isFinite(at);
}
