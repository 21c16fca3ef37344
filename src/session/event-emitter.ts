/**
 * Emits events to listeners: in order, each on its own, never inside a lock.
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
  /** By session; `undefined`: to all. A backend that listens to each of its sessions looks at those of one. */
  #subscriptions: Map<string | undefined, Set<Subscription>> | undefined = undefined;

  /**
   * Subscribes; returns how to stop.
   *
   * @throws ConfigurationError for an unknown event, and for a listener that is no function.
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

  /** Emits an event. A listener that throws or rejects affects no other, and is reported as `listenerFailed`. */
  readonly emit = (event: AnyTokenEvent): void => {
    const all = this.#subscriptions;
    if (all === undefined) return;
    // A copy: who subscribes or leaves meanwhile does so for the next event.
    const subscriptions = [...(all.get(undefined) ?? []), ...(all.get(event.session) ?? [])];
    for (const { type, listener } of subscriptions) {
      if (type !== event.type && type !== '*') continue;
      try {
        const result = listener(event);
        // A promise of zone.js or of another realm is no instance of `Promise`.
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
