/**
 * One state per session, however many managers share it, and none that nobody needs any more.
 *
 * @module
 */
import { Session } from './session.ts';

export class SessionRegistry {
  /**
   * Clients of one origin or backend may share a storage: each has sessions of its own, also where a client's id is a
   * URL that goes on in another's session id.
   */
  readonly #prefix: string;
  /** Weak: a backend sees millions of users go by. A state is made anew from the storage when it is needed again. */
  readonly #sessions: Map<string, Pick<WeakRef<Session>, 'deref'>> = new Map();
  readonly #finalizer: FinalizationRegistry<string> | undefined =
    globalThis.FinalizationRegistry &&
    new FinalizationRegistry((id) => {
      if (this.#sessions.get(id)?.deref() === undefined) this.#sessions.delete(id);
    });

  constructor(clientId: string) {
    this.#prefix = `${encodeURIComponent(clientId)}/`;
  }

  get(id: string): Session {
    const existing = this.#sessions.get(id)?.deref();
    if (existing !== undefined) return existing;
    const session = new Session(id, this.#prefix + id);
    // Cloudflare's workers have none before a compatibility date of 2025-05-05, and do not live long.
    this.#sessions.set(id, globalThis.WeakRef ? new WeakRef(session) : { deref: () => session });
    this.#finalizer?.register(session, id);
    return session;
  }

  /** All sessions that somebody still holds. */
  get all(): readonly Session[] {
    return [...this.#sessions.values()].flatMap((reference) => reference.deref() ?? []);
  }
}
