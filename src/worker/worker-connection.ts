/**
 * A page's connection to its worker: it identifies the worker, notices its end, and connects to the next one.
 *
 * @module
 */
import {
  type BridgeReply,
  type BridgeResponse,
  type TokenManagerBridge,
  valueOfReply,
} from '../bridge/bridge-messages.ts';
import { LivenessWatch, PagePresence, requireLockManager } from './worker-liveness.ts';
import type { Envelope, WorkerMessage, wrongWorker } from './worker-messages.ts';
import { type FindWorker, openWorkerPort, type WorkerPort } from './worker-port.ts';

/** The outcome of a message: a reply, the end of the worker, or a refusal of a worker to which the message was not addressed. */
type CallOutcome = BridgeReply<unknown> | { readonly kind: 'stopped' } | typeof wrongWorker;

/** Time limit for a worker's first response, in ms: its script may have to be fetched. */
const helloTimeoutMs = 30_000;
/** Maximum number of workers to which one message is sent. */
const maxWorkers = 3;

export class WorkerConnection implements TokenManagerBridge {
  readonly #find: FindWorker;
  readonly #channel: string;
  readonly #liveness: LivenessWatch;
  readonly #presence: PagePresence;
  readonly #listeners: Set<(event: unknown) => void> = new Set();
  readonly #failures: Set<() => void> = new Set();
  /** The worker of each call whose body is in progress. */
  readonly #open: Map<string, string> = new Map();
  #port: WorkerPort;
  #connecting: Promise<string> | undefined;
  #name: string | undefined;

  /** @throws ConfigurationError */
  constructor(find: FindWorker, channel: string) {
    const locks = requireLockManager();
    this.#find = find;
    this.#channel = channel;
    this.#liveness = new LivenessWatch(locks);
    this.#presence = new PagePresence(locks, `tokenkeep.page:${channel}:`);
    this.#port = this.#openPort();
  }

  /** @throws TypeError, as `fetch` does without a network, if the worker is gone or does not respond. */
  async call(message: WorkerMessage): Promise<BridgeReply<unknown>> {
    const page = this.#presence.begin();
    if (message.type === 'fetch') this.#keepOpen(message.id);
    let isOpen = false;
    try {
      const outcome = await this.#deliver(await page, message);
      isOpen = isInProgress(message, outcome);
      return outcome;
    } finally {
      if ('id' in message && !isOpen) this.#release(message.id);
      this.#presence.end();
    }
  }

  listen(listener: (event: unknown) => void): () => void {
    const own = (event: unknown): void => listener(event);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  close(): void {
    this.#listeners.clear();
    this.#port.close();
  }

  async #deliver(from: string, message: WorkerMessage): Promise<BridgeReply<unknown>> {
    // A body that can be sent only once is sent to a worker that has just responded.
    if (mustNotRepeat(message)) this.#connecting = undefined;
    const known = 'id' in message && message.type !== 'fetch' ? this.#open.get(message.id) : undefined;
    for (let attempt = 1; ; attempt += 1) {
      this.#connecting ??= this.#connect();
      const to = known || (await this.#connecting);
      if (message.type === 'fetch' && this.#open.has(message.id)) this.#open.set(message.id, to);
      const outcome = await this.#sendRequest(message, { to, from });
      if (outcome.kind === 'value' || outcome.kind === 'error') return outcome;
      this.#onWorkerGone(to, outcome);
      if (attempt === maxWorkers || !mayRetry(message, outcome)) {
        throw new TypeError(
          'The worker was stopped before it answered. The request may have been processed.',
        );
      }
    }
  }

  /** Finds the current worker, and waits until it has started. */
  async #connect(): Promise<string> {
    let onTimeout = (): void => undefined;
    const silence = new Promise<never>((_, reject) => {
      onTimeout = () =>
        reject(
          new TypeError(
            'No worker responds. Check that its script exists, that a service worker is registered, and that it calls serveTokenManager() ' +
              'before it waits for anything.',
          ),
        );
    });
    const timer = setTimeout(onTimeout, helloTimeoutMs);
    this.#failures.add(onTimeout);
    try {
      for (;;) {
        const last = this.#name;
        const outcome = await Promise.race([this.#sendRequest({ type: 'hello' }, { to: last }), silence]);
        if (outcome.kind === 'value' || outcome.kind === 'error') {
          this.#name = valueOfReply(outcome) as string;
          return this.#name;
        }
        this.#onWorkerGone(last, outcome);
      }
    } catch (error) {
      this.#connecting = undefined;
      throw error;
    } finally {
      clearTimeout(timer);
      this.#failures.delete(onTimeout);
    }
  }

  async #sendRequest(message: WorkerMessage, address: Pick<Envelope, 'to' | 'from'>): Promise<CallOutcome> {
    const { port1, port2 } = new MessageChannel();
    const { to } = address;
    let stopWatching = (): void => undefined;
    try {
      return await new Promise((resolve, reject) => {
        port1.onmessage = ({ data }: MessageEvent<CallOutcome>) => resolve(data);
        this.#port.post({ tokenkeep: this.#channel, ...address, message }, port2).catch(reject);
        if (to !== undefined) stopWatching = this.#liveness.watch(to, () => resolve({ kind: 'stopped' }));
      });
    } finally {
      stopWatching();
      port1.close();
    }
  }

  /** Handles the end or replacement of a worker. Only the first call that notices it reconnects. */
  #onWorkerGone(worker: string | undefined, outcome: CallOutcome): void {
    if (worker === undefined || this.#name !== worker) return;
    this.#name = undefined;
    this.#connecting = undefined;
    if (outcome.kind !== 'stopped' || !this.#port.isOwned) return;
    this.#port.close();
    this.#port = this.#openPort();
  }

  #openPort(): WorkerPort {
    return openWorkerPort(this.#find(), {
      onMessage: (data) => {
        const { tokenkeep, event } = { ...(data as Record<string, unknown>) };
        if (tokenkeep !== this.#channel || typeof event !== 'object') return;
        for (const listener of [...this.#listeners]) listener(event);
      },
      onError: () => {
        for (const failure of [...this.#failures]) failure();
      },
    });
  }

  #keepOpen(id: string): void {
    this.#open.set(id, '');
    void this.#presence.begin().catch(() => undefined);
  }

  #release(id: string): void {
    if (this.#open.delete(id)) this.#presence.end();
  }
}

/** Returns whether a part of a call is still to come. */
function isInProgress(message: WorkerMessage, reply: BridgeReply<unknown>): boolean {
  if (message.type === 'write') return true;
  if (reply.kind === 'error') return false;
  if (message.type === 'fetch') return (reply.value as BridgeResponse).body === 'streamed';
  return message.type === 'read' && reply.value !== undefined;
}

/** Returns whether a message must not be sent twice: unsafe requests, and tokens of a login, which may be spent by then. */
function mustNotRepeat(message: WorkerMessage): boolean {
  const { type } = message;
  if (type === 'fetch') return message.body === 'streamed' || !/^(?:GET|HEAD|OPTIONS)$/.test(message.method);
  return type === 'setTokens' || type === 'login';
}

/**
 * Returns whether a message may be sent again. A worker to which it was not addressed has done nothing. One that is gone may have
 * done everything.
 */
function mayRetry(message: WorkerMessage, outcome: CallOutcome): boolean {
  const { type } = message;
  if (type === 'read' || type === 'write' || type === 'cancel') return false;
  return outcome.kind === 'wrong-worker' || !mustNotRepeat(message);
}
