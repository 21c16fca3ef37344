/** A backend for frontend: the origin of the page, and the only place that ever has its tokens. */
import { createServer, type IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { failed, headers, refused } from './answers.ts';
import { assets } from './assets.ts';
import { isFromOurPage, isSmall, origin, port } from './guard.ts';
import { endOfLogin, startOfLogin } from './login.ts';
import { forward } from './proxy.ts';
import { logout, manager, refresh, sessionOf } from './sessions.ts';

const actions = new Map([
  ['/session/login/start', startOfLogin],
  ['/session/login/end', endOfLogin],
  ['/session/refresh', refresh],
  ['/session/logout', logout],
]);

async function answer(request: IncomingMessage, signal: AbortSignal): Promise<Response> {
  const url = URL.parse(request.url ?? '', origin);
  if (url === null) return refused(400, 'invalid_request');
  const { pathname, search } = url;
  const file = request.method === 'GET' ? assets.get(pathname) : undefined;
  if (file) return new Response(file.body, { headers: { 'content-type': file.type } });
  if (!isFromOurPage(request)) return refused(403, 'unauthorized_request');
  if (!isSmall(request)) return refused(413, 'invalid_request');
  if (pathname.startsWith('/api/')) {
    const session = sessionOf(request);
    if (!session) return refused(401, 'session_expired');
    return await forward(request, pathname.slice('/api/'.length) + search, session, signal);
  }
  // Requests that change something are POSTs.
  const action = request.method === 'POST' ? actions.get(pathname) : undefined;
  return action ? await action(request) : refused(404, 'not_found');
}

const server = createServer(async (request, response) => {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const { status, headers: own, body } = await answer(request, gone.signal).catch(failed);
  response.setHeaders(own).setHeaders(headers).writeHead(status);
  if (body === null) response.end();
  else await pipeline(body, response).catch(() => response.destroy()); // one of the two is gone
});
server.listen(port, 'localhost', () => console.log(`Open ${origin}`));

/** Calls that are in progress are answered, and a refresh is stored. */
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => server.close(() => manager.close()));
}
