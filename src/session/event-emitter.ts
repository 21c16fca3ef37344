/**
 * Emits events to listeners in order. Listeners are isolated from each other, and none runs under a lock.
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';
import { type AnyTokenEvent, eventTypes, type TokenEventType } from '../core/events.ts';
import { explain } from '../core/explain.ts';
import { isThenable } from '../core/platform-class.ts';

type Listener = (event: AnyTokenEvent) => unknown;

interface Subscription {
  readonly type: TokenEventType | '*';
  readonly listener: Listener;
}

export class EventEmitter {
  /**
   * Listeners by session; `undefined`: of all sessions. An event of one session checks only its own listeners and those of all.
   */
  #subscriptions: Map<string | undefined, Set<Subscription>> | undefined = undefined;

  /**
   * Subscribes a listener. Returns a function that unsubscribes it.
   *
   * @throws ConfigurationError for an unknown event, and for a listener that is not a function.
   */
  subscribe(type: TokenEventType | '*', session: string | undefined, listener: Listener): () => void {
    if (type !== '*' && !eventTypes.includes(type)) {
      throw new ConfigurationError(
        explain(
          'event-listener',
          `on(type, listener): there is no event ${type}. The events are *, ${eventTypes.join(', ')}.`,
        ),
      );
    }
    if (typeof listener !== 'function') {
      throw new ConfigurationError(
        explain('event-listener', 'on(type, listener): the listener must be a function.'),
      );
    }
    const subscription = { type, listener };
    this.#subscriptions ??= new Map();
    const those = this.#subscriptions.get(session) ?? new Set();
    this.#subscriptions.set(session, those.add(subscription));
    return () => {
      those.delete(subscription);
      if (those.size === 0 && this.#subscriptions?.get(session) === those)
        this.#subscriptions.delete(session);
    };
  }

  clear(): void {
    this.#subscriptions = undefined;
  }

  /** Emits an event. A listener that throws or rejects does not affect others, and is reported as `listenerFailed`. */
  readonly emit = (event: AnyTokenEvent): void => {
    const all = this.#subscriptions;
    if (all === undefined) return;
    // A copy, so that a listener that subscribes or unsubscribes meanwhile affects only the next event.
    const subscriptions = [...(all.get(undefined) ?? []), ...(all.get(event.session) ?? [])];
    for (const { type, listener } of subscriptions) {
      if (type !== event.type && type !== '*') continue;
      try {
        const result = listener(event);
        // A promise of zone.js or of another realm is not an instance of `Promise`.
        if (isThenable(result))
          Promise.resolve(result).catch((error) => this.#emitListenerFailure(event, error));
      } catch (error) {
        this.#emitListenerFailure(event, error);
      }
    }
  };

  #emitListenerFailure(event: AnyTokenEvent, error: unknown): void {
    if (event.type === 'listenerFailed') return; // there is no other listener
    this.emit({ type: 'listenerFailed', session: event.session, of: event.type, error });
  }
}
