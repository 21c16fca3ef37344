/** One of the workers: serves until it receives a signal, and then finishes the requests that have begun. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { serviceOf } from './service.ts';
import { connect, openSessions } from './sessions.ts';
import { answerTo } from './trouble.ts';

const port = Number(process.env['PORT'] ?? 3000);
const origin = process.env['ORIGIN'] ?? `http://127.0.0.1:${port}`;
/** Longer than any request takes. */
const timeLimit = 40_000;

export interface Worker {
  close(): Promise<void>;
}

export async function openWorker(): Promise<Worker> {
  const redis = await connect();
  const manager = openSessions(redis);
  const answer = serviceOf(redis, manager, origin);

  const server = createServer(async (request, response) => {
    const { status, headers, body } = await answer(request).catch(answerTo);
    response.setHeader('x-worker', process.pid);
    // Otherwise the server would wait for clients that keep a connection open.
    if (!server.listening) response.setHeader('connection', 'close');
    response.writeHead(status, headers).end(body);
  });
  await once(server.listen(port), 'listening');

  return {
    async close() {
      const closed = once(server, 'close');
      server.close(); // from here on nothing new comes in; requests that have come are answered
      const late = setTimeout(() => server.closeAllConnections(), timeLimit);
      await closed;
      clearTimeout(late);
      await manager.close(); // a refresh whose caller has gone is finished, and stored
      redis.destroy();
    },
  };
}
