/**
 * What the pages hear of.
 *
 * @module
 */
import type { TokenEventType } from '../core/events.ts';

/** What crosses: all but errors of listeners where the manager lives, which may say anything. */
const crosses: Readonly<Record<TokenEventType, boolean>> = {
  refreshed: true,
  adopted: true,
  signedIn: true,
  signedOut: true,
  sessionEnded: true,
  refreshTokenExpiring: true,
  refreshFailed: true,
  persistFailed: true,
  persisted: true,
  idTokenRejected: true,
  recordRejected: true,
  stepUpRequired: true,
  lateTokensDiscarded: true,
  refreshFinished: true,
  replayed: true,
  listenerFailed: false,
};

/** The types of events that cross. */
export const forwarded: readonly TokenEventType[] = (Object.keys(crosses) as TokenEventType[]).filter(
  (type) => crosses[type],
);
