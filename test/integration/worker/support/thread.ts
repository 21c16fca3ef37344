/** A shared worker that is a real thread: pages connect with ports. Its server is in it, too. */
import { parentPort } from 'node:worker_threads';
import { TokenManager } from '../../../../src/index.ts';
import { authorizationServer } from '../../../../src/testing/index.ts';
import { serveTokenManager } from '../../../../src/worker/index.ts';

const server = authorizationServer();
const megabyte = new Uint8Array(1024 * 1024);

const manager = new TokenManager({
  clientId: 'test-client',
  authorizationServer: server.metadata,
  protectedResources: [server.apiOrigin],
  async fetch(input, init) {
    if (!String(input).endsWith('/large')) return await server.fetch(input, init);
    let pieces = 8;
    const pull = (controller: ReadableStreamDefaultController): void => {
      if (pieces-- > 0) controller.enqueue(megabyte.slice());
      else controller.close();
    };
    return new Response(new ReadableStream({ pull }));
  },
});

const scope = Object.assign(new EventTarget(), { onconnect: null });
serveTokenManager({
  manager,
  protectedResources: [server.apiOrigin],
  scope,
  /** An invalid login expires the existing session. */
  async login(request) {
    if (request === 'expire') server.expire();
    else server.signIn();
    return {
      access_token: server.currentAccessToken() ?? '',
      token_type: 'Bearer',
      refresh_token: server.currentRefreshToken() ?? '',
    };
  },
});

parentPort?.on('message', (message: MessagePort | 'counts') => {
  if (message === 'counts') parentPort?.postMessage(server.counts);
  else scope.dispatchEvent(Object.assign(new Event('connect'), { ports: [message] }));
});
