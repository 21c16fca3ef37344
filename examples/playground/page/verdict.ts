/** Summarises a scene in a sentence or two: the results of the tabs, and the counts of the servers. */
import { counted } from './elements.ts';
import type { Told } from './facts.ts';
import type { ServerCounts } from './stage.ts';

export function verdict(told: readonly Told[], before: ServerCounts, after: ServerCounts): string {
  const sentences = [results(told), servers(before, after), ending(told, after)];
  return sentences.filter(Boolean).join(' ');
}

function results(told: readonly Told[]): string {
  const got = new Map<string, number>();
  for (const one of told) {
    if (one.what !== 'got') continue;
    const name = typeof one.result === 'number' ? `answered ${one.result}` : `failed: ${one.result}`;
    got.set(name, (got.get(name) ?? 0) + 1);
  }
  const parts = [...got].map(([name, times]) => `${counted(times, 'call')} ${name}`);
  const replayed = told.filter((one) => one.what === 'sent' && one.time > 1).length;
  const again = replayed > 0 ? `, ${replayed} of them replayed` : '';
  return parts.length > 0 ? `${parts.join(', ')}${again}.` : '';
}

function servers(before: ServerCounts, after: ServerCounts): string {
  const refreshes = after.refreshes - before.refreshes;
  const reuses = after.reuses - before.reuses;
  return `The server counted ${counted(refreshes, 'refresh', 'refreshes')} and ${counted(reuses, 'reuse')}.`;
}

function ending(told: readonly Told[], after: ServerCounts): string {
  const ended = told.find((one) => one.what === 'event' && one.type === 'sessionEnded');
  if (ended?.what === 'event') {
    return ended.detail === 'response_lost'
      ? 'The session ended, reason response_lost: nobody can get a successor whose response was lost.'
      : `The session ended, reason ${ended.detail}: please sign in again.`;
  }
  const wasLost = told.some((one) => one.what === 'post answered' && one.status === 0);
  return wasLost && after.refreshes > 0
    ? 'The response to a refresh was lost: the old access token is used to its end, and nothing is sent twice before.'
    : '';
}
