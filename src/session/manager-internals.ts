/**
 * What functions beside a manager work with: what is not needed by every application is not part of its class.
 *
 * @module
 */
import type { ManagerContext } from '../refresh/refresh-attempt.ts';
import type { TokenSource } from '../refresh/token-source.ts';
import type { AuthorizedFetch } from '../request/authorized-fetch.ts';
import type { Session } from './session.ts';
import type { SignInOptions } from './sign-in.ts';

/** The session of a manager, and what it takes to change it. */
export interface ManagerInternals {
  readonly parts: {
    readonly context: ManagerContext;
    readonly signInOptions: SignInOptions;
    readonly source: TokenSource;
    readonly fetch: AuthorizedFetch;
  };
  readonly session: Session;
}

type InternalsReader = (manager: never) => ManagerInternals;

let readInternals: InternalsReader;

/** Called by the class of managers, whose internals are private to it. */
export function registerInternals(reader: InternalsReader): void {
  readInternals = reader;
}

/** The internals of a manager; `undefined`: it is none of this copy of tokenkeep. */
export function internalsOf(manager: unknown): ManagerInternals | undefined {
  try {
    return readInternals(manager as never);
  } catch {
    return undefined;
  }
}
