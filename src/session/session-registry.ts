/**
 * One state per session, however many managers share it, and none that nobody needs any more.
 *
 * @module
 */
import { Session } from './session.ts';

type Reference = Pick<WeakRef<Session>, 'deref'>;

export class SessionRegistry {
  /**
   * Clients of one origin or backend may share a storage: each has sessions of its own, also where a client's id is a
   * URL that continues in another's session id.
   */
  readonly #prefix: string;
  /** Weak: a backend sees millions of users. A state is read from the storage again when it is needed. */
  readonly #sessions: Map<string, Reference> = new Map();
  /** Where the search for entries without a session continues. */
  #sweep: Iterator<[id: string, Reference]> | undefined = undefined;

  constructor(clientId: string) {
    this.#prefix = `${encodeURIComponent(clientId)}/`;
  }

  get(id: string): Session {
    const existing = this.#sessions.get(id)?.deref();
    if (existing !== undefined) return existing;
    const session = new Session(id, this.#prefix + id);
    // Cloudflare's workers have none before a compatibility date of 2025-05-05, and do not live long.
    this.#sessions.set(id, globalThis.WeakRef ? new WeakRef(session) : { deref: () => session });
    this.#sweepSome();
    return session;
  }

  /** All sessions that somebody still holds. */
  get all(): readonly Session[] {
    return [...this.#sessions.values()].flatMap((reference) => reference.deref() ?? []);
  }

  /**
   * Deletes entries whose session nobody holds any more. Each new session pays for two others, so that the entries are at most about
   * twice as many as the sessions, without a pause. A `FinalizationRegistry` would cost more than the entry, for each session.
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
