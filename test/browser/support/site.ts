import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bundlePage } from './bundle.ts';

/** Where the pages of the tests come from. */
export interface Site {
  readonly origin: string;
  /** A page to go to and come back from. */
  visit(): Visit;
  /** A path that has this to give, once. */
  hand(value: unknown): string;
  /** Resolves when some page goes there next. */
  landing(path: string): Promise<void>;
  close(): Promise<void>;
}

const page =
  '<!doctype html><meta charset="utf-8"><title>tokenkeep</title><script defer src="/agent.js"></script>';

/** A visit to another page. It needs no driver: not all of them understand pages that come back from the cache. */
export interface Visit {
  readonly path: string;
  /** Resolves when that page is there. */
  readonly arrived: Promise<void>;
  /** Sends it back. */
  back(): void;
}

/** Reports that it has arrived, and goes back on request. */
const elsewhere = `<!doctype html><title>elsewhere</title><script>
fetch('/arrived' + location.search).then(() => fetch('/leave' + location.search)).then(() => history.back());
</script>`;

/** Serves the page, its workers, and another page to go to and come back from. */
export async function openSite(): Promise<Site> {
  const names = ['agent', 'holder', 'keeper', 'callback', 'displaced'];
  const [agent, holder, keeper, callback, displaced] = await Promise.all(names.map(bundlePage));
  const files: Record<string, { type: string; body: string | undefined } | undefined> = {
    '/': { type: 'text/html', body: page },
    '/elsewhere': { type: 'text/html', body: elsewhere },
    '/sandbox': {
      type: 'text/html',
      body: '<!doctype html><title>sandbox</title><iframe sandbox="allow-scripts"></iframe><script>document.querySelector("iframe").src = "/" + location.search</script>',
    },
    '/agent.js': { type: 'text/javascript', body: agent },
    // Where logins end: in the page that began, in a window of their own, and in one that its user closes.
    '/signed-in': { type: 'text/html', body: page },
    '/signed-out': { type: 'text/html', body: page },
    '/callback': { type: 'text/html', body: page.replace('agent', 'callback') },
    '/callback.js': { type: 'text/javascript', body: callback },
    '/closed': { type: 'text/html', body: '<!doctype html><title>closed</title><script>close()</script>' },
    '/holder.js': { type: 'text/javascript', body: holder },
    '/displaced.js': { type: 'text/javascript', body: displaced },
    '/keeper.js': { type: 'text/javascript', body: keeper },
  };
  const landings = new Map<string, () => void>();
  const visits = new Map<string, { arrive: () => void; left: Promise<void> }>();
  const server = createServer(async (request, response) => {
    const { pathname, search } = new URL(request.url ?? '', 'http://localhost');
    landings.get(pathname)?.();
    const visit = visits.get(search);
    if (pathname === '/arrived') visit?.arrive();
    if (pathname === '/leave') await visit?.left;
    const file = files[pathname];
    if (pathname.startsWith('/handed/')) Reflect.deleteProperty(files, pathname);
    const headers = { 'content-type': file?.type ?? 'text/plain', 'access-control-allow-origin': '*' };
    response.writeHead(file ? 200 : 404, headers).end(file?.body);
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    hand(value) {
      const path = `/handed/${crypto.randomUUID()}`;
      files[path] = { type: 'application/json', body: JSON.stringify(value) };
      return path;
    },
    visit() {
      const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
      const { promise: left, resolve: back } = Promise.withResolvers<void>();
      const search = `?visit=${visits.size}`;
      visits.set(search, { arrive, left });
      return { path: `/elsewhere${search}`, arrived, back };
    },
    landing: (path) => new Promise((resolve) => landings.set(path, resolve)),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
