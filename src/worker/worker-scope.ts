/**
 * The global object of a worker of any kind: the messages from pages and to them.
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';

/** A message of a page. */
export interface PageMessage {
  readonly data: unknown;
  /** Port for the reply. */
  readonly port: MessagePort;
  /** Keeps a service worker running meanwhile, as far as the browser allows. */
  waitUntil(work: Promise<unknown>): void;
}

/** A worker of any kind. */
export interface WorkerScope {
  /** Listens to messages of pages. Returns a function that unsubscribes. */
  onMessage(listener: (incoming: PageMessage) => void): () => void;
  /** Sends a message to all pages. */
  broadcast(message: object): void;
}

/** The part of an event in a worker that is used. */
interface WorkerEvent {
  readonly data: unknown;
  readonly origin: string;
  readonly ports: readonly MessagePort[];
  waitUntil?(work: Promise<unknown>): void;
}

interface PageClient {
  postMessage(message: object): void;
}

type Listener = (event: WorkerEvent) => void;

/** The part of the global objects of workers that is used. */
interface WorkerGlobal {
  readonly location?: { readonly origin: string };
  readonly clients?: {
    matchAll(options: object): Promise<readonly PageClient[]>;
  };
  postMessage?(message: object): void;
  addEventListener(type: string, listener: Listener): void;
  removeEventListener(type: string, listener: Listener): void;
}

/** @throws ConfigurationError outside a worker. */
export function openScope(global: object): WorkerScope {
  const scope = global as WorkerGlobal;
  if (isServiceWorker(global)) return serviceWorker(scope);
  if ('onconnect' in global) return sharedWorker(scope);
  if ('importScripts' in global) return dedicatedWorker(scope);
  throw new ConfigurationError(
    explain(
      'worker-options',
      'serveTokenManager() is for workers, and this is not a worker. Call it in the script of a worker; in the page call ' +
        'connectTokenManager().',
    ),
  );
}

export function isServiceWorker(global: object): boolean {
  return 'skipWaiting' in global;
}

function dedicatedWorker(scope: WorkerGlobal): WorkerScope {
  return {
    onMessage: (listener) => listenOn(scope, scope, listener),
    broadcast: (message) => scope.postMessage?.(message),
  };
}

function sharedWorker(scope: WorkerGlobal): WorkerScope {
  const pages = new Set<MessagePort>();
  return {
    onMessage(listener) {
      const connect: Listener = ({ ports: [port] }) => {
        if (port === undefined) return;
        pages.add(port);
        // Not every engine reports that a page is gone; an unused port costs a few bytes.
        port.addEventListener('close', () => pages.delete(port));
        listenOn(port as never, scope, listener);
        port.start();
      };
      scope.addEventListener('connect', connect);
      return () => {
        scope.removeEventListener('connect', connect);
        for (const port of pages) port.close();
        pages.clear();
      };
    },
    broadcast(message) {
      for (const port of pages) port.postMessage(message);
    },
  };
}

function serviceWorker(scope: WorkerGlobal): WorkerScope {
  return {
    onMessage: (listener) => listenOn(scope, scope, listener),
    broadcast(message) {
      const pages = scope.clients?.matchAll({ includeUncontrolled: true, type: 'all' });
      const postToAll = (all: readonly PageClient[]): void => {
        for (const page of all) page.postMessage(message);
      };
      pages?.then(postToAll).catch(() => undefined);
    },
  };
}

/** Listens to messages. Only pages of this origin can reach its worker. If an event names its origin, it is checked anyway. */
function listenOn(
  target: Pick<WorkerGlobal, 'addEventListener' | 'removeEventListener'>,
  { location }: WorkerGlobal,
  listener: (incoming: PageMessage) => void,
): () => void {
  const onMessage: Listener = (event) => {
    const { data, origin, ports } = event;
    const [port] = ports;
    if (port === undefined || (origin !== '' && origin !== location?.origin)) return;
    listener({ data, port, waitUntil: (work) => event.waitUntil?.(work) });
  };
  target.addEventListener('message', onMessage);
  return () => target.removeEventListener('message', onMessage);
}
