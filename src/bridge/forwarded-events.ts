/**
 * The events that pages receive.
 *
 * @module
 */
import { eventTypes, type TokenEventType } from '../core/events.ts';

/** The types of events that cross: all but errors of the application where the manager lives, which may say anything. */
export const forwardedEvents: readonly TokenEventType[] = eventTypes.filter(
  (type) => type !== 'listenerFailed' && type !== 'predicateFailed',
);
