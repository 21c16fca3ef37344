/**
 * The state of each session in this process. All managers of a session share one object, which is collected when it is no longer
 * used.
 *
 * @module
 */
import { Session } from './session.ts';

type Reference = Pick<WeakRef<Session>, 'deref'>;

export class SessionRegistry {
  /**
   * Prefix of all storage keys, because clients of one origin or backend may share a storage. The client id is encoded, so that
   * no client id can continue in a session id.
   */
  readonly #prefix: string;
  /** Weak references, because a backend may have millions of users. A state that was collected is read from the storage again. */
  readonly #sessions: Map<string, Reference> = new Map();
  /** Position of the search for entries whose session was collected. */
  #sweep: Iterator<[id: string, Reference]> | undefined = undefined;

  constructor(clientId: string) {
    this.#prefix = `${encodeURIComponent(clientId)}/`;
  }

  get(id: string): Session {
    const existing = this.#sessions.get(id)?.deref();
    if (existing !== undefined) return existing;
    const session = new Session(id, this.#prefix + id);
    // Cloudflare Workers lack `WeakRef` before the compatibility date 2025-05-05. Their isolates are short-lived.
    this.#sessions.set(id, globalThis.WeakRef ? new WeakRef(session) : { deref: () => session });
    this.#sweepSome();
    return session;
  }

  /** All sessions that are still in use. */
  get all(): readonly Session[] {
    return [...this.#sessions.values()].flatMap((reference) => reference.deref() ?? []);
  }

  /**
   * Deletes entries whose session was collected. Each new session checks two entries, so there are at most about twice as many
   * entries as sessions, without a pause. A `FinalizationRegistry` would cost more than the entry, for each session.
   */
  #sweepSome(): void {
    for (let step = 0; step < 2; step++) {
      this.#sweep ??= this.#sessions.entries();
      const { done, value } = this.#sweep.next();
      if (done === true) this.#sweep = undefined;
      else if (value[1].deref() === undefined) this.#sessions.delete(value[0]);
    }
  }
}
