/**
 * The current login, as seen by a page.
 *
 * @module
 */
import type { LoginName, TokenEventType } from '../core/events.ts';

const activeEvents: readonly TokenEventType[] = ['signedIn', 'refreshed', 'adopted'];
const endEvents: readonly TokenEventType[] = ['signedOut', 'sessionEnded'];

/** The login of the last event or reply that the page received. Calls that it begins belong to this login. */
export class KnownLogin {
  current: LoginName | undefined = undefined;

  /** Updates the login from an event that crossed the bridge. */
  onEvent(message: unknown): void {
    const { type, login, subject } = message as LoginName & { readonly type: TokenEventType };
    if (activeEvents.includes(type)) this.current = { login, subject };
    if (endEvents.includes(type)) this.current = undefined;
  }

  /** Updates the login from a reply. Returns the reply. */
  onReply<T>(reply: T): T {
    const { login } = { ...(reply as { readonly login?: LoginName }) };
    if (login !== undefined) this.current = login;
    return reply;
  }
}
