/**
 * The internals of managers, for functions outside the class that only some applications need.
 *
 * @module
 */

import type { TokenSource } from './refresh/token-source.ts';
import type { AuthorizedFetch } from './request/authorized-fetch.ts';
import type { ManagerContext } from './session/manager-context.ts';
import type { Session } from './session/session.ts';

/** The parts of a manager: its session, and the parts that it shares with the managers of other sessions. */
export class ManagerInternals {
  readonly requests: AuthorizedFetch;
  readonly session: Session;

  constructor(requests: AuthorizedFetch, session: Session) {
    this.requests = requests;
    this.session = session;
  }

  /**
   * Stops watching the storage. Only the manager that was constructed from options has this function, because its `close()`
   * closes the parts that all its sessions share.
   */
  get unwatch(): (() => void) | undefined {
    return undefined;
  }

  get context(): ManagerContext {
    return this.requests.context;
  }

  get source(): TokenSource {
    return this.requests.source;
  }
}

/** The internals of a manager that was constructed from options. */
export class RootInternals extends ManagerInternals {
  readonly #unwatch: () => void;

  constructor(requests: AuthorizedFetch, session: Session, unwatch: () => void) {
    super(requests, session);
    this.#unwatch = unwatch;
  }

  override get unwatch(): () => void {
    return this.#unwatch;
  }
}

const internals: WeakMap<object, ManagerInternals> = new WeakMap();

/** Gives a manager its internals. */
export function setInternals(manager: object, its: ManagerInternals): void {
  internals.set(manager, its);
}

/** Returns the internals of a manager. `undefined`: the value is not a `TokenManager` of this copy of tokenkeep. */
export function internalsOf(manager: unknown): ManagerInternals | undefined {
  return internals.get(manager as object);
}
