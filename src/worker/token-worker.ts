/**
 * A worker as a page sees it, whatever its kind.
 *
 * @module
 */
import { ConfigurationError } from '../core/errors.ts';
import type { Envelope } from './messages.ts';

/** What a token manager can live in. */
export type TokenWorker = Worker | SharedWorker | ServiceWorkerContainer;

/** The way to a worker. */
export interface Way {
  post(envelope: Envelope, port: MessagePort): Promise<void>;
  /** Whether a new one has to be made when the worker is gone. Of service workers browsers take care themselves. */
  readonly isOurs: boolean;
  close(): void;
}

/** What a way tells. */
export interface WayListener {
  heard(data: unknown): void;
  /** The script did not start. */
  failed(): void;
}

/** Finds the worker: the one that was asked for, or the fallback that was asked for. */
export type FindWorker = () => TokenWorker;

/** @throws ConfigurationError from what it returns, where there is no such worker here. */
export function finder(
  worker: () => TokenWorker | undefined,
  fallback: (() => TokenWorker | undefined) | undefined,
): FindWorker {
  return () => attempt(worker, fallback === undefined) ?? attempt(fallback as typeof worker, true) ?? none();
}

function attempt(make: () => TokenWorker | undefined, isLast: boolean): TokenWorker | undefined {
  try {
    const made = make();
    return made === undefined && isLast ? none() : made;
  } catch (error) {
    // `new SharedWorker` where there is none.
    const isMissing = error instanceof ReferenceError || error instanceof TypeError;
    if (isMissing && !isLast) return undefined;
    return isMissing ? none(error) : refuse(error);
  }
}

function none(cause?: unknown): never {
  throw new ConfigurationError(
    'connectTokenManager(options): there is no such worker here. Service workers need https or localhost, and some engines ' +
      'have no shared workers. Give the option fallback, such as () => new Worker(url), if tokens may live there instead.',
    { cause },
  );
}

function refuse(cause: unknown): never {
  if (cause instanceof ConfigurationError) throw cause;
  throw new ConfigurationError(
    'connectTokenManager(options): the browser refuses the worker. Its script has to be of the origin of the page.',
    { cause },
  );
}

/** Opens the way to a worker. */
export function openWay(worker: TokenWorker, listener: WayListener): Way {
  const hear = ({ data, origin }: MessageEvent): void => {
    // Messages of workers say no origin, those of service workers theirs.
    if (origin === '' || origin === ownOrigin()) listener.heard(data);
  };
  if ('ready' in worker) {
    worker.addEventListener('message', hear as EventListener);
    worker.startMessages();
    return {
      isOurs: false,
      async post(envelope, port) {
        const { active } = await worker.ready;
        active?.postMessage(envelope, [port]);
      },
      close: () => worker.removeEventListener('message', hear as EventListener),
    };
  }
  const port = 'port' in worker ? worker.port : worker;
  port.addEventListener('message', hear as EventListener);
  if ('start' in port) port.start();
  worker.addEventListener('error', listener.failed);
  return {
    isOurs: true,
    async post(envelope, answer) {
      port.postMessage(envelope, [answer]);
    },
    close() {
      port.removeEventListener('message', hear as EventListener);
      worker.removeEventListener('error', listener.failed);
      if ('close' in port) port.close();
    },
  };
}

function ownOrigin(): string | undefined {
  return (globalThis as { readonly location?: Location }).location?.origin;
}
