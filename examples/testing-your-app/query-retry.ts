/** Options of TanStack Query that follow the errors of tokenkeep. `retry` and `retryDelay` have the shape that it expects. */
import { isTokenKeepError, type TokenManager } from 'tokenkeep';

const maxRetries = 3;

/** Retries unless tokenkeep knows that the same call fails again: the user must sign in, or the program is wrong. */
export function retry(failures: number, error: unknown): boolean {
  return failures < maxRetries && (!isTokenKeepError(error) || error.isRetryable);
}

/** Waits as long as the authorization server asks for, and at least 1 s, 2 s, 4 s. */
export function retryDelay(failures: number, error: unknown): number {
  const retryAfter = isTokenKeepError(error) ? (error.retryAfter ?? 0) : 0;
  return Math.max(retryAfter, 1_000 * 2 ** failures);
}

/** Forgets the answers of a user who leaves. `client` is the `QueryClient`. */
export function clearForOtherUsers(manager: TokenManager, client: { clear(): void }): void {
  manager.on('signedOut', () => client.clear());
  manager.on('sessionEnded', () => client.clear());
  manager.on('signedIn', ({ replaced, subject }) => {
    if (replaced !== undefined && (subject === undefined || replaced.subject !== subject)) client.clear();
  });
}
