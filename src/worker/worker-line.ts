/**
 * A page's line to its worker: it knows which worker it speaks with, notices that one is gone, and asks the next one.
 *
 * @module
 */
import type { BridgeResponse, TokenManagerBridge } from '../bridge/wire.ts';
import { type Envelope, elsewhere, type WorkerMessage } from './messages.ts';
import { Presence, platformLocks, Wake } from './presence.ts';
import { type FindWorker, openWay, type Way } from './token-worker.ts';

/** How a message ended: with a reply, with the end of the worker, or at a worker that was not meant and did nothing. */
type Ending = { readonly value?: unknown } | 'stopped' | typeof elsewhere;

/** How long a worker may take to answer its first message: its script may have to be fetched. In ms. */
const patience = 30_000;
/** How many workers one message is given to at most. */
const workers = 3;

export class WorkerLine implements TokenManagerBridge {
  readonly #find: FindWorker;
  readonly #channel: string;
  readonly #wake: Wake;
  readonly #presence: Presence;
  readonly #listeners: Set<(event: unknown) => void> = new Set();
  readonly #failures: Set<() => void> = new Set();
  /** Calls whose bodies are under way, and the worker that each is with. */
  readonly #open: Map<string, string> = new Map();
  #way: Way;
  #met: Promise<string> | undefined;
  #name: string | undefined;

  /** @throws ConfigurationError */
  constructor(find: FindWorker, channel: string) {
    const locks = platformLocks();
    this.#find = find;
    this.#channel = channel;
    this.#wake = new Wake(locks);
    this.#presence = new Presence(locks, `tokenkeep.page:${channel}:`);
    this.#way = this.#openWay();
  }

  /** @throws TypeError, as `fetch` does without a network, when the worker is gone or does not answer. */
  async call(message: WorkerMessage): Promise<unknown> {
    const page = this.#presence.begin();
    if (message.type === 'fetch') this.#hold(message.id);
    let isOpen = false;
    try {
      const ending = await this.#deliver(await page, message);
      isOpen = isUnderWay(message, ending);
      return ending;
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
    this.#way.close();
  }

  async #deliver(from: string, message: WorkerMessage): Promise<object> {
    // What can be sent once only is sent to a worker that was there a moment ago.
    if (isOnce(message)) this.#met = undefined;
    const known = 'id' in message && message.type !== 'fetch' ? this.#open.get(message.id) : undefined;
    for (let asked = 1; ; asked += 1) {
      this.#met ??= this.#meet();
      const to = known || (await this.#met);
      if (message.type === 'fetch' && this.#open.has(message.id)) this.#open.set(message.id, to);
      const ending = await this.#ask(message, { to, from });
      if (typeof ending === 'object') return ending;
      this.#lose(to, ending);
      if (asked === workers || !mayAskAgain(message, ending)) throw stopped();
    }
  }

  /** Finds out which worker is there now, and waits until it is. */
  async #meet(): Promise<string> {
    let giveUp = (): void => undefined;
    const silence = new Promise<never>((_, reject) => {
      giveUp = () => reject(silent());
    });
    const timer = setTimeout(giveUp, patience);
    this.#failures.add(giveUp);
    try {
      for (;;) {
        const last = this.#name;
        const ending = await Promise.race([this.#ask({ type: 'hello' }, { to: last }), silence]);
        if (typeof ending === 'object') {
          this.#name = ending.value as string;
          return this.#name;
        }
        this.#lose(last, ending);
      }
    } catch (error) {
      this.#met = undefined;
      throw error;
    } finally {
      clearTimeout(timer);
      this.#failures.delete(giveUp);
    }
  }

  async #ask(message: WorkerMessage, address: Pick<Envelope, 'to' | 'from'>): Promise<Ending> {
    const { reply, close } = this.#post(message, address);
    const { to } = address;
    let stopWatching = (): void => undefined;
    const gone = new Promise<'stopped'>((resolve) => {
      if (to !== undefined) stopWatching = this.#wake.watch(to, () => resolve('stopped'));
    });
    try {
      return await Promise.race([reply, gone]);
    } finally {
      stopWatching();
      close();
    }
  }

  #post(message: WorkerMessage, address: object): { reply: Promise<Ending>; close(): void } {
    const { port1, port2 } = new MessageChannel();
    const envelope: Envelope = { tokenkeep: this.#channel, ...address, message };
    const reply = new Promise<Ending>((resolve, reject) => {
      port1.onmessage = ({ data }: MessageEvent<Ending>) => resolve(data);
      this.#way.post(envelope, port2).catch(reject);
    });
    return { reply, close: () => port1.close() };
  }

  /** That worker is gone, or no longer the one. Only the first to find out does something about it. */
  #lose(worker: string | undefined, ending: Ending): void {
    if (worker === undefined || this.#name !== worker) return;
    this.#name = undefined;
    this.#met = undefined;
    if (ending !== 'stopped' || !this.#way.isOurs) return;
    this.#way.close();
    this.#way = this.#openWay();
  }

  #openWay(): Way {
    return openWay(this.#find(), {
      heard: (data) => {
        const { tokenkeep, event } = { ...(data as Record<string, unknown>) };
        if (tokenkeep !== this.#channel || typeof event !== 'object') return;
        for (const listener of [...this.#listeners]) listener(event);
      },
      failed: () => {
        for (const failure of [...this.#failures]) failure();
      },
    });
  }

  #hold(id: string): void {
    this.#open.set(id, '');
    void this.#presence.begin().catch(() => undefined);
  }

  #release(id: string): void {
    if (this.#open.delete(id)) this.#presence.end();
  }
}

/** Whether something of a call is still to come. */
function isUnderWay(message: WorkerMessage, reply: object): boolean {
  const { value, error } = reply as { readonly value?: unknown; readonly error?: unknown };
  if (message.type === 'fetch') return (value as BridgeResponse | undefined)?.body === 'later';
  if (message.type === 'write') return true;
  return message.type === 'read' && value !== undefined && error === undefined;
}

/** Whether it must not be done twice: what writes, and tokens of a login, which may be spent by the time they are stored again. */
function isOnce(message: WorkerMessage): boolean {
  const { type } = message;
  if (type === 'fetch') return message.body === 'later' || !/^(?:GET|HEAD|OPTIONS)$/.test(message.method);
  return type === 'setTokens' || type === 'login';
}

/** A worker that was not meant has done nothing. One that is gone may have done it all. */
function mayAskAgain(message: WorkerMessage, ending: Ending): boolean {
  const { type } = message;
  if (type === 'read' || type === 'write' || type === 'cancel') return false;
  return ending === elsewhere || !isOnce(message);
}

function stopped(): TypeError {
  return new TypeError(
    'The worker was stopped before it answered. What it was asked for may have been done.',
  );
}

function silent(): TypeError {
  return new TypeError(
    'No worker answers. Its script has to be found, be registered if it is a service worker, and call serveTokenManager() ' +
      'before it waits for anything.',
  );
}
