/**
 * Errors that cross a bridge.
 *
 * @module
 */
import {
  ConfigurationError,
  isTokenKeepError,
  LockTimeoutError,
  LoginFailedError,
  LoginRequiredError,
  RefreshFailedError,
  StorageError,
} from '../core/errors.ts';

/** An error as plain data: the class by its code, and members that hold no secret. */
export interface BridgeError {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Code of a call that the page is not allowed to make. */
export const refusedCode = 'REFUSED';

export function refusal(message: string): BridgeError {
  return { code: refusedCode, message, details: {} };
}

const errorMembers = [
  ...['reason', 'error', 'description', 'details'],
  ...['sent', 'isRetryable', 'retryAfter', 'since', 'failures', 'status', 'operation', 'conflict'],
];

/** Returns an error as plain data, with only the text of tokenkeep's own errors. For any other error it names only the kind. */
export function toBridgeError(error: unknown): BridgeError {
  if (!isTokenKeepError(error)) {
    return { code: 'NETWORK', message: 'fetch failed', details: {} };
  }
  const details = Object.fromEntries(
    errorMembers.flatMap((name) => {
      const value = (error as unknown as Record<string, unknown>)[name];
      // The server's details are JSON, and secrets were removed from them when the error was created.
      return isPrimitive(value) || (name === 'details' && value !== undefined) ? [[name, value]] : [];
    }),
  );
  return { code: error.code, message: error.message, details };
}

/** Returns the error for the page, of the same class as where it was thrown. */
export function fromBridgeError({ code, message, details }: BridgeError): Error {
  switch (code) {
    case 'ERR_LOGIN_REQUIRED':
      return new LoginRequiredError(message, details as never);
    case 'ERR_LOGIN_FAILED':
      return new LoginFailedError(message, details as never);
    case 'ERR_REFRESH_FAILED':
      return new RefreshFailedError(message, details as never);
    case 'ERR_STORAGE':
      return new StorageError(message, details as never);
    case 'ERR_LOCK_TIMEOUT':
      return new LockTimeoutError(message);
    case 'ERR_CONFIGURATION':
      return new ConfigurationError(message, details as never);
    case refusedCode:
      return new DOMException(message, 'NotAllowedError');
    default:
      return new TypeError(message);
  }
}

/** Returns whether the value crosses a bridge unchanged. */
export function isPrimitive(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
