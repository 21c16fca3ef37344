/**
 * A worker of any kind, as seen by a page.
 *
 * @module
 */
import { ConfigurationError } from '../core/errors.ts';
import type { Envelope } from './worker-messages.ts';

/** Workers in which a token manager can run. */
export type TokenWorker = Worker | SharedWorker | ServiceWorkerContainer;

/** A port to a worker. */
export interface WorkerPort {
  post(envelope: Envelope, port: MessagePort): Promise<void>;
  /** `true`: the page must create a new worker when this one is gone. Browsers restart service workers themselves. */
  readonly isOwned: boolean;
  close(): void;
}

/** Reports of a port. */
export interface WorkerPortListener {
  onMessage(data: unknown): void;
  /** Reports that the script did not start. */
  onError(): void;
}

/** Returns the worker of the option `worker`, or that of the option `fallback`. */
export type FindWorker = () => TokenWorker;

/** @throws ConfigurationError from the returned function, if the browser supports none of the workers. */
export function workerFinder(
  worker: () => TokenWorker | undefined,
  fallback: (() => TokenWorker | undefined) | undefined,
): FindWorker {
  return () => create(worker, fallback);
}

function create(
  make: () => TokenWorker | undefined,
  fallback?: (() => TokenWorker | undefined) | undefined,
): TokenWorker {
  let cause: unknown;
  try {
    const made = make();
    if (made !== undefined) return made;
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    // `new SharedWorker` in a browser without it.
    if (!(error instanceof ReferenceError || error instanceof TypeError)) {
      throw new ConfigurationError(
        'connectTokenManager(options): the browser refuses the worker. Its script must have the origin of the page.',
        { cause: error },
      );
    }
    cause = error;
  }
  if (fallback !== undefined) return create(fallback);
  throw new ConfigurationError(
    'connectTokenManager(options): there is no such worker here. Service workers need https or localhost, and some engines ' +
      'have no shared workers. Pass the option fallback, such as () => new Worker(url), if tokens may be kept there instead.',
    { cause },
  );
}

/** Opens a port to a worker. */
export function openWorkerPort(worker: TokenWorker, listener: WorkerPortListener): WorkerPort {
  const onMessage = ({ data, origin }: MessageEvent): void => {
    // Messages of workers contain no origin, those of service workers do.
    if (origin === '' || origin === ownOrigin()) listener.onMessage(data);
  };
  if ('ready' in worker) {
    worker.addEventListener('message', onMessage as EventListener);
    worker.startMessages();
    return {
      isOwned: false,
      async post(envelope, port) {
        const { active } = await worker.ready;
        active?.postMessage(envelope, [port]);
      },
      close: () => worker.removeEventListener('message', onMessage as EventListener),
    };
  }
  const port = 'port' in worker ? worker.port : worker;
  port.addEventListener('message', onMessage as EventListener);
  if ('start' in port) port.start();
  worker.addEventListener('error', listener.onError);
  return {
    isOwned: true,
    async post(envelope, replyPort) {
      port.postMessage(envelope, [replyPort]);
    },
    close() {
      port.removeEventListener('message', onMessage as EventListener);
      worker.removeEventListener('error', listener.onError);
      if ('close' in port) port.close();
    },
  };
}

function ownOrigin(): string | undefined {
  return (globalThis as { readonly location?: Location }).location?.origin;
}
