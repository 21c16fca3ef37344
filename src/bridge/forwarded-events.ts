/**
 * The events that pages receive.
 *
 * @module
 */
import { eventTypes, type TokenEventType } from '../core/events.ts';

/** The types of events that cross: all but the application's own errors, whose messages may contain secrets. */
export const forwardedEvents: readonly TokenEventType[] = eventTypes.filter(
  (type) => type !== 'listenerFailed' && type !== 'predicateFailed',
);
