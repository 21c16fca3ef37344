/**
 * The login as a page knows it.
 *
 * @module
 */
import type { LoginName, TokenEventType } from '../core/events.ts';

const current: readonly TokenEventType[] = ['signedIn', 'refreshed', 'adopted'];
const ended: readonly TokenEventType[] = ['signedOut', 'sessionEnded'];

/** The login that the page last heard of, by an event or a reply. Calls that it begins belong to this login. */
export class KnownLogin {
  now: LoginName | undefined = undefined;

  /** Takes an event that crossed the bridge. */
  heard(message: unknown): void {
    const { type, login, subject } = message as LoginName & { readonly type: TokenEventType };
    if (current.includes(type)) this.now = { login, subject };
    if (ended.includes(type)) this.now = undefined;
  }

  /** Takes a reply, and gives it back. */
  read<T>(reply: T): T {
    const { login } = { ...(reply as { readonly login?: LoginName }) };
    if (login !== undefined) this.now = login;
    return reply;
  }
}
