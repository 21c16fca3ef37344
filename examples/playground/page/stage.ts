/** The stage: the servers that play for this page only, as the page sees them. */
import type { Wiring } from './facts.ts';

export type { Wiring } from './facts.ts';

/** Changes to the session that no tab knows of. */
export type Deed = 'sign-in' | 'expire' | 'lose-answer' | 'revoke' | 'offline' | 'online';

/** Counts of the servers. */
export interface ServerCounts {
  /** The API: requests that came, and what they were answered. */
  readonly calls: number;
  readonly ok: number;
  readonly rejected: number;
  /** The authorization server: refresh requests that reached the token endpoint, and their results. */
  readonly posts: number;
  readonly refreshes: number;
  readonly spent: number;
  /** Successors in one line. As many as were spent: no fork. */
  readonly chain: number;
  readonly reuses: number;
  readonly familiesRevoked: number;
  readonly revocations: number;
}

export interface Stage {
  readonly wiring: Wiring;
  act(deed: Deed): Promise<unknown>;
  /** As they are now. */
  counts(): Promise<ServerCounts>;
}

/** Opens a stage, which is there for as long as the page is. */
export function openStage(onCounts: (counts: ServerCounts) => void, onEnd: () => void): Promise<Stage> {
  const source = new EventSource('/stage');
  source.addEventListener('counts', ({ data }) => onCounts(JSON.parse(data)));
  source.addEventListener('error', () => {
    source.close(); // it would come back to another stage
    onEnd();
  });
  return new Promise((resolve) => {
    source.addEventListener('open', (event) => {
      if (!('data' in event)) return; // the connection's own event
      const { id, ...wiring } = JSON.parse(String(event.data)) as Wiring & { id: string };
      resolve({
        wiring,
        act: (deed) => answerOf(`/stage/${id}/${deed}`, 'POST'),
        counts: () => answerOf(`/stage/${id}/counts`, 'GET') as Promise<ServerCounts>,
      });
    });
  });
}

async function answerOf(url: string, method: string): Promise<unknown> {
  const response = await fetch(url, { method });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return await response.json();
}
