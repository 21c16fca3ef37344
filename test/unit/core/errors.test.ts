/** K8d: every error says whether the same call is worth another try, and when. */
import {
  type AnyTokenKeepError,
  ConfigurationError,
  LockTimeoutError,
  LoginFailedError,
  type LoginFailedReason,
  LoginRequiredError,
  RefreshFailedError,
  StorageError,
} from 'tokenkeep';
import { expect, test } from 'vitest';
import { fromBridgeError, toBridgeError } from '../../../src/bridge/bridge-error.ts';

const loginFailed = (reason: LoginFailedReason) => new LoginFailedError('No.', { reason });

test.each<[AnyTokenKeepError, boolean, number | undefined]>([
  [new LoginRequiredError('No.', { reason: 'no_tokens' }), false, undefined],
  [new LoginRequiredError('No.', { reason: 'refresh_refused', since: 5, failures: 7 }), false, undefined],
  [new RefreshFailedError('No.', { sent: true, retryAfter: 750, since: 5, failures: 7 }), true, 750],
  [new RefreshFailedError('No.', { sent: false }), true, undefined],
  [new RefreshFailedError('No.', { sent: false, isRetryable: false, retryAfter: 30_000 }), false, 30_000],
  [new StorageError('No.', { operation: 'read' }), true, undefined],
  [new LockTimeoutError('No.'), true, undefined],
  [new ConfigurationError('No.'), false, undefined],
  [new ConfigurationError('No.', { reason: 'newer_schema' }), false, undefined],
  [loginFailed('no_response'), true, undefined],
  [loginFailed('refused'), false, undefined],
])(
  '$name says whether it is worth a retry, and so does its copy across a bridge',
  (error, isRetryable, retryAfter) => {
    for (const one of [error, fromBridgeError(structuredClone(toBridgeError(error))) as AnyTokenKeepError]) {
      expect(one.isRetryable).toBe(isRetryable);
      expect(one.retryAfter).toBe(retryAfter);
      expect('reason' in one && one.reason).toBe('reason' in error && error.reason);
      if (one.code === 'ERR_LOGIN_REQUIRED' || one.code === 'ERR_REFRESH_FAILED') {
        const { since, failures } = error as RefreshFailedError;
        expect(one).toMatchObject({ since, failures });
      }
    }
  },
);
