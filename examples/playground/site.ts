/** The playground's own server: two pages, their scripts, and a stage for each visitor. */

import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bundle } from './bundle.ts';
import type { Stage } from './stage.ts';
import { Stages } from './stages.ts';

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

/** @param port `0`: any that is free. */
export async function openSite(port = 0): Promise<Site> {
  const files = await contents();
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((listening, failed) => {
    server.once('error', failed).listen(port, '127.0.0.1', listening);
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const origin = `http://${host}`;
  const stages = new Stages(origin);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.headers.host === host.replace('127.0.0.1', 'localhost')) {
      return void response.writeHead(302, { location: origin }).end();
    }
    // A name that somebody else has for this address would make their script ours.
    if (request.headers.host !== host) return void response.writeHead(421).end();
    const { pathname } = new URL(request.url ?? '/', origin);
    if (pathname === '/stage') return await stages.perform(response);
    const [, first, ...rest] = pathname.split('/');
    if (first === 'stage') return await stages.answer(rest, request, response);
    const file = files.get(pathname);
    if (file === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': file.type, ...policy }).end(file.body);
  }

  const close = () =>
    new Promise<void>((closed) => {
      server.close(() => closed());
      server.closeAllConnections();
    });
  return { url: `${origin}/`, stages: stages.open, close };
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
