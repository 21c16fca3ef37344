/** Tabs of one origin without a browser: their pages, messages, locks and `localStorage`. */
import { vi } from 'vitest';

type Listener = (event: object) => void;

/** As much of an `EventTarget` as is used. A test decides which events are trusted. */
class Target {
  readonly listeners: Map<string, Set<Listener>> = new Map();

  addEventListener(type: string, listener: Listener): void {
    this.listeners.set(type, (this.listeners.get(type) ?? new Set()).add(listener));
  }

  removeEventListener(type: string, listener: Listener): void {
    this.listeners.get(type)?.delete(listener);
  }

  emit(type: string, event: object = {}): void {
    for (const listener of this.listeners.get(type) ?? []) listener({ type, isTrusted: true, ...event });
  }

  get count(): number {
    return [...this.listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }
}

export class Tab {
  readonly window: Target = new Target();
  readonly document: Target & { visibilityState: string } = Object.assign(new Target(), {
    visibilityState: 'visible',
  });

  /** The user of the tab does something. */
  act(type = 'pointermove'): void {
    this.window.emit(type);
  }

  /** A script of the tab pretends to be the user. */
  pretend(type: string): void {
    this.window.emit(type, { isTrusted: false });
  }

  hide(): void {
    this.document.visibilityState = 'hidden';
    this.document.emit('visibilitychange');
  }

  show(): void {
    this.document.visibilityState = 'visible';
    this.document.emit('visibilitychange');
  }

  get listening(): number {
    return this.window.count + this.document.count;
  }
}

export class Origin {
  readonly items: Map<string, string> = new Map();
  /** Everything that was sent from one tab to the others. */
  readonly messages: unknown[] = [];
  readonly channels: Set<object> = new Set();
  /** Answers requests for a lock in place of the platform. */
  lock: ((grant: () => Promise<void>) => Promise<void>) | undefined;
  /** Throws, where the browser refuses storage. */
  refuse: (() => void) | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor() {
    const origin = this;
    vi.stubGlobal('localStorage', {
      getItem: (name: string) => origin.#allowed.get(name) ?? null,
      setItem: (name: string, value: string) => void origin.#allowed.set(name, value),
      removeItem: (name: string) => void origin.#allowed.delete(name),
    });
    vi.stubGlobal(
      'BroadcastChannel',
      class extends Target {
        readonly name: string;
        constructor(name: string) {
          super();
          this.name = name;
          origin.channels.add(this);
        }
        postMessage(data: unknown): void {
          const copy = structuredClone(data);
          origin.messages.push(copy);
          for (const other of origin.channels as Set<this>) {
            if (other === this || other.name !== this.name) continue;
            queueMicrotask(() => {
              if (origin.channels.has(other)) other.emit('message', { data: copy });
            });
          }
        }
        close(): void {
          origin.channels.delete(this);
        }
      },
    );
    vi.stubGlobal('navigator', {
      locks: { request: (_: string, run: () => Promise<void>) => this.#request(run) },
    });
  }

  /** Opens a page and runs `load` in it. */
  open<T>(load: () => T, tab: Tab = new Tab()): T {
    vi.stubGlobal('window', tab.window);
    vi.stubGlobal('document', tab.document);
    return load();
  }

  get #allowed(): Map<string, string> {
    this.refuse?.();
    return this.items;
  }

  #request(run: () => Promise<void>): Promise<void> {
    if (this.lock !== undefined) return this.lock(run);
    const result = this.#queue.then(run);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}
