/** The events of a manager. The list of their types is that of the source. */
import { eventTypes, type TokenEventType } from '../../src/core/events.ts';

/** Types of the events that measure: each refresh and each replay emits one, whatever it did to the session. */
const measurements: readonly TokenEventType[] = ['refreshFinished', 'replayed'];

/** Types of all events that are about the state of a session. */
export const sessionEventTypes: readonly TokenEventType[] = eventTypes.filter(
  (type) => !measurements.includes(type),
);

/** An event, with members that a test may read without narrowing its type. */
export type RecordedEvent = { readonly type: TokenEventType } & Readonly<Record<string, unknown>>;

/** Something that emits the events of a manager: a manager, or what stands for one in a page. */
interface Emitter {
  on(type: '*', listener: (event: { readonly type: TokenEventType }) => unknown): unknown;
}

/** Collects the events of a manager about the state of its sessions, as copies, in the order in which they were emitted. */
export function eventsOf(manager: Emitter): RecordedEvent[] {
  const events: RecordedEvent[] = [];
  manager.on('*', (event) => {
    if (sessionEventTypes.includes(event.type)) events.push({ ...event });
  });
  return events;
}
