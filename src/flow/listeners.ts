/**
 * Telling listeners: in order, each on its own, never inside a lock.
 *
 * @module
 */
import { ConfigurationError } from '../core/errors.ts';
import type { AnyTokenEvent, TokenEventType } from '../core/events.ts';

type Listener = (event: AnyTokenEvent) => unknown;

interface Subscription {
  readonly type: TokenEventType | '*';
  /** `undefined`: of every session. */
  readonly session: string | undefined;
  readonly listener: Listener;
}

/** All of them, for those who write a name that the compiler does not see. */
const types: Readonly<Record<TokenEventType | '*', 1>> = {
  '*': 1,
  refreshed: 1,
  adopted: 1,
  signedIn: 1,
  signedOut: 1,
  sessionEnded: 1,
  refreshTokenExpiring: 1,
  refreshFailed: 1,
  persistFailed: 1,
  persisted: 1,
  idTokenRejected: 1,
  recordRejected: 1,
  stepUpRequired: 1,
  lateTokensDiscarded: 1,
  refreshFinished: 1,
  replayed: 1,
  listenerFailed: 1,
};

export class Listeners {
  #subscriptions: readonly Subscription[] = [];

  /**
   * Subscribes; returns how to stop.
   *
   * @throws ConfigurationError for an event that is never told, and for a listener that is none.
   */
  add(type: TokenEventType | '*', session: string | undefined, listener: Listener): () => void {
    if (!Object.hasOwn(types, type)) {
      throw new ConfigurationError(
        `on(type, listener): there is no event ${type}. The events are ${Object.keys(types).join(', ')}.`,
      );
    }
    if (typeof listener !== 'function') {
      throw new ConfigurationError('on(type, listener): the listener must be a function.');
    }
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
