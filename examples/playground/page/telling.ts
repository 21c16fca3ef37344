/** Facts in words. */
import { counted } from './elements.ts';
import type { Told } from './facts.ts';
import type { Deed } from './stage.ts';

/** Something that is worth a line. Those of one `kind` that are counted become one, until the tab has something else to say. */
export interface Line {
  readonly kind: string;
  readonly isCounted: boolean;
  readonly text: (times: number) => string;
}

const fixed = (text: string): Line => ({ kind: text, isCounted: false, text: () => text });
const calls = (kind: string, text: string): Line => ({
  kind,
  isCounted: true,
  text: (times) => `${counted(times, 'call')} ${text}`,
});

/** The text of a fact; `undefined`: none, because another fact covers it. */
export function lineOf(told: Told): Line | undefined {
  switch (told.what) {
    case 'sent':
      return told.time === 1 ? calls('sent', 'sent') : calls('replayed', 'replayed, with the new token');
    case 'answered':
      return told.status === 401 ? calls('401', 'rejected: 401') : undefined;
    case 'got':
      return typeof told.result === 'number'
        ? calls(`got ${told.result}`, `answered: ${told.result}`)
        : calls(`got ${told.result}`, `failed: ${told.result}`);
    case 'step':
      return lineOfStep(told);
    case 'post answered':
      return fixed(postAnswered(told.status));
    case 'event':
      return lineOfEvent(told.type, told.detail);
    case 'frozen':
      return fixed('falls asleep with the lock in its hand');
    case 'woken':
      return fixed('wakes up');
    default:
      return undefined;
  }
}

function lineOfStep({ step, detail }: Told & { what: 'step' }): Line | undefined {
  if (detail === 'waits') return fixed('asks for the lock');
  if (detail === 'holds') return fixed('has the lock');
  if (detail === 'posts') return fixed('sends the refresh token, once');
  if (detail === 'marks') return fixed('marks the refresh token as being spent');
  return { 3: fixed('reads what is stored'), 7: fixed('releases the lock') }[step as 3 | 7];
}

function postAnswered(status: number): string {
  if (status === 200) return 'gets the successor';
  return status === 0 ? 'gets no whole answer' : `is refused: ${status}`;
}

function lineOfEvent(type: string, detail = ''): Line | undefined {
  const texts: Record<string, string | undefined> = {
    signedIn: 'has the tokens of a login',
    refreshed: 'has stored the successor, and refreshed',
    adopted: 'takes over what another tab has stored',
    sessionEnded: `session ended: ${detail}`,
    signedOut: 'learns that the session has ended',
    refreshFailed: `has not refreshed: ${detail}`,
    storeFailed: 'could not store the successor, and keeps it',
  };
  const text = texts[type];
  return text === undefined ? undefined : fixed(text);
}

/** The text of each action on the session. */
export const deeds: Record<Deed, string> = {
  'sign-in': 'ada signs in: authorization code and PKCE',
  expire: 'The server ends the access token',
  'lose-answer': 'The next answer of the token endpoint will break off halfway',
  revoke: 'An administrator revokes the session at the server',
  offline: 'The lines to both servers are cut',
  online: 'The lines are back',
};
