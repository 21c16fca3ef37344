/**
 * Telling listeners: in order, each on its own, never inside a lock.
 *
 * @module
 */
import type { AnyTokenEvent, TokenEventType } from '../core/events.ts';

type Listener = (event: AnyTokenEvent) => unknown;

interface Subscription {
  readonly type: TokenEventType | '*';
  /** `undefined`: of every session. */
  readonly session: string | undefined;
  readonly listener: Listener;
}

export class Listeners {
  #subscriptions: readonly Subscription[] = [];

  /** Subscribes; returns how to stop. */
  add(type: TokenEventType | '*', session: string | undefined, listener: Listener): () => void {
    const subscription = { type, session, listener };
    this.#subscriptions = [...this.#subscriptions, subscription];
    return () => {
      this.#subscriptions = this.#subscriptions.filter((other) => other !== subscription);
    };
  }

  clear(): void {
    this.#subscriptions = [];
  }

  /** Tells an event. What a listener throws or rejects with harms nobody, and is told as `listenerFailed`. */
  readonly tell = (event: AnyTokenEvent): void => {
    for (const { type, session, listener } of this.#subscriptions) {
      if (type !== event.type && type !== '*') continue;
      if (session !== undefined && session !== event.session) continue;
      try {
        const result = listener(event);
        if (result instanceof Promise) result.catch((error: unknown) => this.#failed(event, error));
      } catch (error) {
        this.#failed(event, error);
      }
    }
  };

  #failed(event: AnyTokenEvent, error: unknown): void {
    if (event.type === 'listenerFailed') return; // nobody is left to tell
    this.tell({ type: 'listenerFailed', session: event.session, of: event.type, error });
  }
}
