/** The stages: one for each page that is open, for as long as it is. */

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isDeed, openStage, type Stage } from './stage.ts';

/** How often the counters are looked at, in ms. */
const interval = 40;

export class Stages {
  readonly open: Map<string, Stage> = new Map();
  readonly #origin: string;

  /** @param origin of the page: no script of another one has a say. */
  constructor(origin: string) {
    this.#origin = origin;
  }

  /** Opens a stage, and sends the counts of its servers until no one listens any more. */
  async perform(response: ServerResponse): Promise<void> {
    const id = randomUUID();
    const stage = await openStage(this.#origin);
    const tell = (event: string, data: string) => response.write(`event: ${event}\ndata: ${data}\n\n`);
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    tell('open', JSON.stringify({ id, ...stage.wiring }));
    let told = '';
    const timer = setInterval(() => {
      const counts = JSON.stringify(stage.counts());
      if (counts !== told) tell('counts', counts);
      told = counts;
    }, interval);
    const end = () => {
      clearInterval(timer);
      this.open.delete(id);
      void stage.close();
    };
    this.open.set(id, stage);
    if (response.destroyed) end();
    else response.once('close', end);
  }

  /** Requests of a page to its stage: `/stage/<id>/counts`, or an action. */
  async answer(
    [id = '', wish = '']: readonly string[],
    { method, headers }: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const stage = this.open.get(id);
    if (stage !== undefined && wish === 'counts') return sendJson(response, stage.counts());
    if (stage === undefined || !isDeed(wish)) return void response.writeHead(404).end();
    if (method !== 'POST' || headers.origin !== this.#origin) return void response.writeHead(403).end();
    sendJson(response, (await stage.act(wish)) ?? null);
  }
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(value));
}
