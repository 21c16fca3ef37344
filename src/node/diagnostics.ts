/**
 * A manager's events on Node's diagnostics channels.
 *
 * @module
 */
import { channel } from 'node:diagnostics_channel';
import { ConfigurationError } from '../core/errors.ts';
import type { AnyTokenEvent } from '../core/events.ts';

/**
 * Publishes the events of a manager, and all of its sessions, on diagnostics channels by their types: `tokenkeep:refreshed`,
 * `tokenkeep:refreshFinished`, … It costs almost nothing without subscribers, and no event contains a token.
 *
 * @example
 * ```ts
 * import { subscribe } from 'node:diagnostics_channel';
 * import { TokenManager } from 'tokenkeep';
 * import { publishEvents } from 'tokenkeep/node';
 *
 * const manager = new TokenManager({
 *   clientId: 'my-app',
 *   authorizationServer: { tokenEndpoint: 'https://auth.example.com/token' },
 *   protectedResources: ['https://api.example.com/'],
 * });
 * publishEvents(manager);
 * subscribe('tokenkeep:sessionEnded', (event) => console.log(event));
 * ```
 * @returns a function that stops publishing.
 * @throws ConfigurationError if `manager` is not a manager.
 */
export function publishEvents(manager: {
  on(type: '*', listener: (event: AnyTokenEvent) => unknown): () => void;
}): () => void {
  if (typeof manager?.on !== 'function') {
    throw new ConfigurationError('publishEvents(manager): the manager must be a TokenManager.');
  }
  return manager.on('*', (event) => channel(`tokenkeep:${event.type}`).publish(event));
}
