import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bundlePage } from './bundle.ts';

/** Where the pages of the tests come from. */
export interface Site {
  readonly origin: string;
  close(): Promise<void>;
}

const page =
  '<!doctype html><meta charset="utf-8"><title>tokenkeep</title><script defer src="/agent.js"></script>';

/** Serves the page, its workers, and an empty page to go to and come back from. */
export async function openSite(): Promise<Site> {
  const [agent, holder] = await Promise.all([bundlePage('agent'), bundlePage('holder')]);
  const files: Record<string, { type: string; body: string } | undefined> = {
    '/': { type: 'text/html', body: page },
    '/elsewhere': { type: 'text/html', body: '<!doctype html><title>elsewhere</title>' },
    '/sandbox': {
      type: 'text/html',
      body: '<!doctype html><title>sandbox</title><iframe sandbox="allow-scripts"></iframe><script>document.querySelector("iframe").src = "/" + location.search</script>',
    },
    '/agent.js': { type: 'text/javascript', body: agent },
    '/holder.js': { type: 'text/javascript', body: holder },
  };
  const server = createServer((request, response) => {
    const file = files[new URL(request.url ?? '', 'http://localhost').pathname];
    const headers = { 'content-type': file?.type ?? 'text/plain', 'access-control-allow-origin': '*' };
    response.writeHead(file ? 200 : 404, headers).end(file?.body);
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
