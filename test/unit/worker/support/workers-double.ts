/**
 * Workers of a browser without their threads: each has a global object, messages are copied as a browser copies them, and all
 * that crosses to a page is kept, to be searched for tokens.
 */
import type { TokenWorker } from 'tokenkeep/worker';

export type Kind = 'dedicated' | 'shared' | 'service';
export const kinds: readonly Kind[] = ['dedicated', 'shared', 'service'];
export const origin = 'https://app.test';

type Listener = (event: never) => void;

/** The part of an `EventTarget` that is used, with events that are plain objects. */
class Target {
  readonly #listeners: Map<string, Set<Listener>> = new Map();
  readonly addEventListener = (type: string, listener: Listener): void => {
    this.#listeners.set(type, (this.#listeners.get(type) ?? new Set()).add(listener));
  };
  readonly removeEventListener = (type: string, listener: Listener): void => {
    this.#listeners.get(type)?.delete(listener);
  };
  fire(type: string, event: object): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) listener(event as never);
  }
  get listeners(): number {
    return [...this.#listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }
}

/** One worker: its global object, and the pages that it knows. */
export class WorkerDouble {
  readonly scope: Target & Record<string, unknown>;
  /** Messages that have crossed to pages, as text. */
  readonly crossed: string[] = [];
  /** Promises that keep a service worker alive. */
  readonly staying: Set<Promise<unknown>> = new Set();
  readonly kind: Kind;
  isDead = false;
  readonly #pages: Target[] = [];
  readonly #ports: MessagePort[] = [];

  constructor(kind: Kind) {
    this.kind = kind;
    const tell = (page: Target) => ({ postMessage: (message: object) => this.#tell(page, message) });
    const members = {
      dedicated: { importScripts: () => undefined, postMessage: (message: object) => this.#tellAll(message) },
      shared: { importScripts: () => undefined, onconnect: null },
      service: {
        importScripts: () => undefined,
        skipWaiting: () => undefined,
        clients: { matchAll: async () => this.#pages.map(tell) },
      },
    };
    this.scope = Object.assign(new Target(), { location: { origin } }, members[kind]) as never;
  }

  /** The connection of a page to this worker. */
  forPage(sender = origin): TokenWorker {
    const page = new Target();
    this.#pages.push(page);
    const { addEventListener, removeEventListener } = page;
    const listening = { addEventListener, removeEventListener };
    if (this.kind === 'dedicated') {
      const postMessage = (data: object, transfer: MessagePort[]) =>
        this.deliver(this.scope, data, transfer, '');
      return Object.assign(page, { postMessage }) as never;
    }
    if (this.kind === 'shared') {
      const own = Object.assign(new Target(), {
        start: () => undefined,
        close: () => undefined,
        postMessage: (message: object) => this.#tell(page, message),
      });
      this.scope.fire('connect', { ports: [own] });
      const postMessage = (data: object, transfer: MessagePort[]) => this.deliver(own, data, transfer, '');
      return Object.assign(new Target(), {
        port: { ...listening, postMessage, start: () => undefined, close: () => undefined },
      }) as never;
    }
    const postMessage = (data: object, transfer: MessagePort[]) =>
      this.deliver(this.scope, data, transfer, sender);
    return Object.assign(page, {
      ready: Promise.resolve({ active: { postMessage } }),
      startMessages: () => undefined,
    }) as never;
  }

  /** A message comes in. */
  deliver(target: Target, given: object, transfer: MessagePort[], sender: string): void {
    const { data, ports } = structuredClone({ data: given, ports: transfer }, { transfer });
    for (const port of ports) {
      this.#ports.push(port);
      const { postMessage } = port;
      port.postMessage = (message: unknown, buffers?: unknown) => {
        this.crossed.push(textOf(message));
        postMessage.call(port, message, (buffers ?? []) as never);
      };
    }
    if (this.isDead) return;
    const waitUntil = (work: Promise<unknown>): void => {
      this.staying.add(work);
      void work.finally(() => this.staying.delete(work));
    };
    target.fire('message', {
      data,
      origin: sender,
      ports,
      ...(this.kind === 'service' && { waitUntil }),
    });
  }

  /** A page asks by itself. `undefined`: the worker has nothing to do with it. */
  request(request: object): Promise<Response> | undefined {
    let answer: Promise<Response> | undefined;
    const respondWith = (response: Promise<Response>): void => {
      answer = response;
    };
    this.scope.fire('fetch', { request, respondWith });
    return answer;
  }

  /** It says nothing more. */
  kill(): void {
    this.isDead = true;
    for (const port of this.#ports) port.close();
  }

  #tellAll(message: object): void {
    for (const page of this.#pages) this.#tell(page, message);
  }

  #tell(page: Target, message: object): void {
    if (this.isDead) return;
    this.crossed.push(textOf(message));
    page.fire('message', { data: structuredClone(message), origin: this.kind === 'service' ? origin : '' });
  }
}

function textOf(message: unknown): string {
  return (
    JSON.stringify(message, (_, member: unknown) =>
      member instanceof Uint8Array ? Buffer.from(member).toString('latin1') : member,
    ) ?? ''
  );
}
