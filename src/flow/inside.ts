/**
 * What functions beside a manager work with: what is not needed by every application is not part of its class.
 *
 * @module
 */
import type { Workshop } from './attempt.ts';
import type { AuthorizedFetch } from './authorized-fetch.ts';
import type { Session } from './session.ts';
import type { SignInOptions } from './sign-in.ts';
import type { TokenSource } from './token-source.ts';

/** The session of a manager, and what it takes to change it. */
export interface Inside {
  readonly assembly: {
    readonly workshop: Workshop;
    readonly signIn: SignInOptions;
    readonly source: TokenSource;
    readonly fetch: AuthorizedFetch;
  };
  readonly session: Session;
}

type Way = (manager: never) => Inside;

let way: Way;

/** Said by the class of managers, whose inside is private to it. */
export function letIn(insideOf: Way): void {
  way = insideOf;
}

/** The inside of a manager; `undefined`: it is none of this copy of tokenkeep. */
export function insideOf(manager: unknown): Inside | undefined {
  try {
    return way(manager as never);
  } catch {
    return undefined;
  }
}
