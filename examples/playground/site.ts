/** The playground's own server: two pages, their scripts, and a stage for whoever looks at them. */

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bundle } from './bundle.ts';
import { isDeed, openStage, type Stage } from './stage.ts';

export interface Site {
  readonly url: string;
  /** One for each page that is open. */
  readonly stages: ReadonlyMap<string, Stage>;
  close(): Promise<void>;
}

interface File {
  readonly type: string;
  readonly body: string;
}

/** How often the counters are looked at, in ms. */
const interval = 40;

/** @param port `0`: any that is free. */
export async function openSite(port = 0): Promise<Site> {
  const files = await contents();
  const stages = new Map<string, Stage>();
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((listening, failed) => {
    server.once('error', failed).listen(port, '127.0.0.1', listening);
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const origin = `http://${host}`;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Another site's script cannot come in: not by a name of its own for this address, and not with an order.
    if (request.headers.host !== host) return void response.writeHead(421).end();
    const { pathname } = new URL(request.url ?? '/', origin);
    const [, first = '', id = '', deed = ''] = pathname.split('/');
    if (first === 'stage' && id === '') return await perform(response);
    const stage = stages.get(id);
    if (stage !== undefined && deed === 'counts') return sendJson(response, stage.counts());
    if (stage !== undefined && isDeed(deed)) {
      if (request.method !== 'POST' || request.headers.origin !== origin)
        return void response.writeHead(403).end();
      return sendJson(response, (await stage.act(deed)) ?? null);
    }
    const file = files.get(pathname);
    if (file === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': file.type, ...policy });
    response.end(file.body);
  }

  /** A stage for as long as someone looks at it. Tells what its servers count. */
  async function perform(response: ServerResponse): Promise<void> {
    const id = randomUUID();
    const stage = await openStage(origin);
    const tell = (event: string, data: object) =>
      response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    tell('open', { id, ...stage.wiring });
    let told = '';
    const timer = setInterval(() => {
      const counts = stage.counts();
      const text = JSON.stringify(counts);
      if (text !== told) tell('counts', counts);
      told = text;
    }, interval);
    stages.set(id, stage);
    const end = () => {
      clearInterval(timer);
      stages.delete(id);
      void stage.close();
    };
    if (response.destroyed) end();
    else response.once('close', end);
  }

  return {
    url: `${origin}/`,
    stages,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

/** Nothing comes from elsewhere, and the page says so to the browser. Only the servers of its stage are called. */
const policy = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; frame-src 'self'; frame-ancestors 'self'; " +
    "connect-src 'self' http://127.0.0.1:*; img-src data:; base-uri 'none'; form-action 'none'",
  'cache-control': 'no-store',
};

async function contents(): Promise<Map<string, File>> {
  const read = (name: string) => readFileSync(new URL(`page/${name}`, import.meta.url), 'utf8');
  const files = new Map<string, File>([
    ['/', { type: 'text/html; charset=utf-8', body: read('index.html') }],
    ['/tab', { type: 'text/html; charset=utf-8', body: read('tab.html') }],
  ]);
  for (const name of ['colours', 'page', 'scenes', 'steps', 'frames', 'books', 'tab']) {
    files.set(`/${name}.css`, { type: 'text/css; charset=utf-8', body: read(`${name}.css`) });
  }
  for (const [name, body] of await bundle()) {
    files.set(`/${name}`, { type: 'text/javascript; charset=utf-8', body });
  }
  return files;
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(value));
}
