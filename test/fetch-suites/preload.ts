/**
 * Loaded into every process and worker of a suite before its own code: puts `manager.fetch` in place of undici's `fetch`, and
 * stands before the suite's servers. See `main.ts`.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { writeSync } from 'node:fs';
import { type IncomingMessage, Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { Server as NetServer } from 'node:net';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { portsEach, type State } from './states.ts';

const {
  STRANGERS_STATE: state = 'bare',
  STRANGERS_ROOT: root = '',
  STRANGERS_PORT: port = '',
} = process.env as {
  STRANGERS_STATE?: State;
  STRANGERS_ROOT?: string;
  STRANGERS_PORT?: string;
};
const ports = Array.from({ length: portsEach }, (_, index) => Number(port) + index);

sayResults();
listenOnKnownPorts();
standBeforeServers();

/** In a worker of web-platform-tests: their runner reports only failures. */
function sayResults(): void {
  const worker = parentPort;
  if (worker === null) return;
  const { path = '' } = (workerData ?? {}) as { readonly path?: string };
  const { postMessage } = worker;
  worker.postMessage = (message: { type?: string; result?: { status: number; name: string } }) => {
    const { type, result } = message;
    if (type === 'result' && result !== undefined) {
      const name = `${path.replace(/^.*\/wpt\//, '')} > ${JSON.stringify(result.name)}`;
      writeSync(1, `STRANGERS ${result.status === 0 ? '' : 'not '}ok ${name}\n`);
    }
    postMessage.call(worker, message);
  };
}

/** `listen(0)` takes one of the ports that are protected resources. */
function listenOnKnownPorts(): void {
  const free = [...ports];
  const { listen } = NetServer.prototype;
  NetServer.prototype.listen = function (this: NetServer, ...given: unknown[]) {
    const [first, ...rest] = given;
    const next = first === 0 || first === undefined || typeof first === 'function' ? free.shift() : undefined;
    if (next === undefined) return listen.apply(this, given as never);
    return listen.apply(
      this,
      (typeof first === 'function' ? [next, first, ...rest] : [next, ...rest]) as never,
    );
  } as typeof listen;
}

/** Removes our header, which no suite expects, and rejects the token in the state `rejected`. */
function standBeforeServers(): void {
  const emit = Server.prototype.emit as (...all: unknown[]) => boolean;
  Server.prototype.emit = function (this: Server, type: string, ...given: unknown[]) {
    if (type !== 'request') return emit.call(this, type, ...given);
    const [request, response] = given as [IncomingMessage, ServerResponse];
    const index = request.rawHeaders.findIndex(
      (text, at) =>
        at % 2 === 0 &&
        /^authorization$/i.test(text) &&
        /^Bearer ours-/.test(request.rawHeaders[at + 1] ?? ''),
    );
    if (index < 0) return emit.call(this, type, ...given);
    request.rawHeaders.splice(index, 2);
    delete request.headers.authorization;
    if (state !== 'rejected' || isReplay(request)) return emit.call(this, type, ...given);
    request.resume();
    response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end();
    return true;
  } as typeof emit;
}

/** The calls that were rejected once. */
const rejected = new Set<string>();

/** Checks by another header of ours whether a call was rejected before. */
function isReplay(request: IncomingMessage): boolean {
  const index = request.rawHeaders.findIndex((text, at) => at % 2 === 0 && text === 'x-ours-call');
  const [, call = ''] = index < 0 ? [] : request.rawHeaders.splice(index, 2);
  delete request.headers['x-ours-call'];
  const isKnown = rejected.has(call);
  rejected.add(call);
  return isKnown;
}

async function replaceFetch(): Promise<void> {
  const require = createRequire(join(root, 'index.js'));
  const undici = require('../strangers/index.js') as Record<string, unknown> & { fetch: typeof fetch };
  // The platform is undici's.
  for (const name of ['Headers', 'Request', 'Response', 'FormData']) {
    Object.defineProperty(globalThis, name, { value: undici[name], writable: true, configurable: true });
  }
  const restore = pretendLocation();
  undici.fetch = await managed(undici.fetch);
  const web = require('../strangers/lib/web/fetch/index.js') as { fetch: typeof fetch };
  web.fetch = await managed(web.fetch);
  restore();
}

/** The current call, by which the server recognises a replay. */
const underWay = new AsyncLocalStorage<string>();

function named(init: RequestInit | undefined): RequestInit | undefined {
  const call = underWay.getStore();
  if (call === undefined || init === undefined) return init;
  const headers = new Headers(init.headers);
  if (!headers.get('authorization')?.startsWith('Bearer ours-')) return init;
  headers.set('x-ours-call', call);
  return { ...init, headers };
}

async function managed(bare: typeof fetch): Promise<typeof fetch> {
  const { memoryStorage, TokenManager } = await import('tokenkeep');
  const owner = `ours-${crypto.randomUUID().slice(0, 8)}`;
  let count = 0;
  let calls = 0;
  const tokens = () => ({
    access_token: `${owner}-${count}`,
    refresh_token: `refresh-${count++}`,
    expires_in: 1e9,
  });
  const hosts = ['localhost', '127.0.0.1', '[::1]'];
  const everywhere = ports.flatMap((one) =>
    hosts.flatMap((host) => [`http://${host}:${one}/`, `https://${host}:${one}/`]),
  );
  const manager = new TokenManager({
    clientId: 'strangers',
    authorizationServer: { tokenEndpoint: 'https://as.invalid/token' },
    protectedResources: state === 'elsewhere' ? ['https://api.invalid/'] : everywhere,
    storage: memoryStorage(),
    // Calls are minutes apart, because a rejected new token suppresses refreshes for a minute.
    clock: { now: () => Date.now() + 120_000 * calls },
    fetch: ((input: string, init: RequestInit) =>
      input === 'https://as.invalid/token'
        ? Response.json(tokens())
        : bare(input, named(init))) as typeof fetch,
  });
  await manager.setTokens(tokens());
  if (state !== 'rejected') return manager.fetch;
  return (input, ...[init]) => underWay.run(`${owner}-${calls++}`, () => manager.fetch(input, init));
}

/** A manager of a page reads its `location`. Suites for pages set one after this. */
function pretendLocation(): () => void {
  let current: unknown;
  const location = {
    get href() {
      return (current as URL | undefined)?.href ?? 'http://localhost/';
    },
  };
  Object.defineProperty(globalThis, 'location', {
    configurable: true,
    get: () => current ?? location,
    set: (value) => {
      current = value;
    },
  });
  return () => {
    Object.defineProperty(globalThis, 'location', {
      configurable: true,
      get: () => current,
      set: (value) => {
        current = value;
      },
    });
  };
}

if (state !== 'bare') await replaceFetch();
