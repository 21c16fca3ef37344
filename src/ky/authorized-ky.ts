/**
 * ky over a manager's `fetch`. Imports ky, for callers that pass no instance.
 *
 * @module
 */

import plainKy, { type KyInstance, type Options } from 'ky';
import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { bodyKind } from '../core/http/request-body.ts';

/**
 * Manager that sends calls with access tokens: a `TokenManager`, or the result of `connectTokenManager()` for a worker or
 * Electron.
 */
export interface FetchingManager {
  /** Calls protected resources. */
  readonly fetch: typeof globalThis.fetch;
}

type FetchOption = NonNullable<Options['fetch']>;

/** An option that ky does not know and therefore passes to `fetch`. */
const sentOnce = 'tokenkeepSentOnce';

/**
 * Returns a ky whose calls to protected resources carry the access token of `manager`. Options, hooks, retries, timeouts
 * and `extend()` work as in ky.
 *
 * A refresh and the replay after it happen below ky: they use none of its retries, and hooks, `HTTPError` and
 * progress see only the last response. Errors of tokenkeep are thrown unchanged and not retried, unless
 * `retry.shouldRetry` decides otherwise. ky's `timeout` (10 s by default) includes the refresh: when it expires, the
 * call is aborted, the refresh continues, and the next call uses its token.
 *
 * ky keeps a copy of a body that is a stream, so that it can be sent again. With `retry: 0` neither ky nor tokenkeep
 * does: the stream is sent once, with a token that is not about to expire, and a 401 is returned to you.
 *
 * @param ky Your own instance. Pass its `fetch` option to the manager instead.
 * @example
 * ```ts
 * import { TokenManager } from 'tokenkeep';
 * import { authorizedKy } from 'tokenkeep/ky';
 *
 * const manager = new TokenManager({
 *   clientId: 'my-app',
 *   authorizationServer: { tokenEndpoint: 'https://auth.example.com/token' },
 *   protectedResources: ['https://api.example.com/'],
 * });
 * const api = authorizedKy(manager).extend({ prefix: 'https://api.example.com/v1', retry: 3 });
 *
 * async function loadOrders(): Promise<unknown> {
 *   return await api.get('orders').json();
 * }
 * ```
 * @throws ConfigurationError if `manager` is not a manager, if `ky` is not a ky, and for a ky with the option `fetch`.
 */
export function authorizedKy(manager: FetchingManager, ky: KyInstance = plainKy): KyInstance {
  if (typeof manager?.fetch !== 'function') {
    throw new ConfigurationError(
      explain(
        'authorized-ky',
        'authorizedKy(manager): the manager must have a fetch, as a TokenManager has.',
      ),
    );
  }
  if (typeof ky?.extend !== 'function') {
    throw new ConfigurationError(
      explain(
        'authorized-ky',
        'authorizedKy(manager, ky): ky must be the export of the package ky, or an extension of it.',
      ),
    );
  }
  return ky.extend((own) => {
    if (own.fetch !== undefined) {
      throw new ConfigurationError(
        explain(
          'authorized-ky',
          'authorizedKy(manager, ky): this ky has its own fetch. Pass that fetch to the manager instead, as the option fetch.',
        ),
      );
    }
    return { fetch: fetchOf(manager), hooks: { init: [noteSentOnce] } };
  });
}

/** ky passes a `Request`, which does not show the source of its body. This is the last place that knows it. */
function noteSentOnce(options: Options & { [sentOnce]?: true }): void {
  const { retry, body } = options;
  const limit = typeof retry === 'object' ? retry.limit : retry;
  if (limit === 0 && bodyKind(body) === 'one-shot') options[sentOnce] = true;
}

function fetchOf(manager: FetchingManager): FetchOption {
  return async (input, given = {}) => {
    const { [sentOnce]: once, ...init } = given as RequestInit & { [sentOnce]?: true };
    if (once === undefined || !(input instanceof Request)) return await manager.fetch(input, init);
    // The body of an init is a stream to the manager, where that of a Request would be branched, and kept in memory.
    const { body } = input;
    return await manager.fetch(input, { ...init, body, duplex: 'half' } as RequestInit);
  };
}
