/** The outcome of an error: a sentence for the person, and an exit code of sysexits.h for the script. */
import { isTokenKeepError } from 'tokenkeep';

export const exitCodes = {
  failed: 1,
  usage: 64,
  storage: 74,
  tryLater: 75,
  notLoggedIn: 77,
  configuration: 78,
};

export interface Trouble {
  readonly message: string;
  readonly exitCode: number;
}

export const interrupted: Trouble = { message: '', exitCode: 130 }; // Ctrl+C, as shells know it

/** An error whose message says everything. */
export class UserError extends Error {}

/** @throws what nobody has foreseen: its stack says more than a sentence. */
export function explain(error: unknown): Trouble {
  if (error instanceof UserError) return { message: error.message, exitCode: exitCodes.failed };
  if (!isTokenKeepError(error)) return withoutSession(error);
  const { message } = error;
  switch (error.code) {
    case 'ERR_LOGIN_REQUIRED': {
      const isNew = error.reason === 'no_tokens' || error.reason === 'signed_out';
      const why = isNew ? 'You are not logged in.' : `Your session has ended (${error.reason}).`;
      return { message: `${why} Run: my-cli login`, exitCode: exitCodes.notLoggedIn };
    }
    case 'ERR_LOGIN_FAILED':
      return {
        message: `${message} (${error.error ?? error.reason}) Run once more: my-cli login`,
        exitCode: error.reason === 'no_response' ? exitCodes.tryLater : exitCodes.notLoggedIn,
      };
    case 'ERR_REFRESH_FAILED':
    case 'ERR_LOCK_TIMEOUT': {
      const wait = 'retryAfter' in error ? Math.ceil((error.retryAfter ?? 0) / 1000) : 0;
      const when = wait > 0 ? ` (in ${wait} s)` : '';
      return { message: `${message}${when} You are still logged in.`, exitCode: exitCodes.tryLater };
    }
    case 'ERR_STORAGE':
      return { message, exitCode: exitCodes.storage };
    case 'ERR_CONFIGURATION':
      return { message, exitCode: exitCodes.configuration };
  }
}

function withoutSession(error: unknown): Trouble {
  // The reader of a pipe, such as `head`, has seen enough.
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') return { message: '', exitCode: 0 };
  // Errors of fetch without a network, and when a response breaks off.
  if (error instanceof TypeError && error.cause !== undefined) {
    return { message: 'The API cannot be reached. You are still logged in.', exitCode: exitCodes.tryLater };
  }
  throw error;
}
