/**
 * The processes of an Electron application in one: what crosses from one to another is copied as Electron does, so that
 * nothing arrives that could not. Everything that crosses is kept, to be searched for tokens.
 */
import type {
  ElectronContextBridge,
  ElectronInvokeEvent,
  ElectronIpcMain,
  ElectronIpcRenderer,
  TokenManagerBridge,
} from 'tokenkeep/electron';

type Handler = (event: ElectronInvokeEvent, message: unknown) => Promise<unknown>;

export class ElectronDouble {
  /** Messages that have crossed, as text. */
  readonly crossed: string[] = [];
  readonly #handlers: Map<string, Handler> = new Map();
  #frames = 0;

  readonly ipcMain: ElectronIpcMain = {
    handle: (channel, handler) => {
      if (this.#handlers.has(channel))
        throw new Error(`Attempted to register a second handler for '${channel}'`);
      this.#handlers.set(channel, handler);
    },
    removeHandler: (channel) => void this.#handlers.delete(channel),
  };

  get isServing(): boolean {
    return this.#handlers.size > 0;
  }

  /** A window with a page. */
  window(url = 'app://main/index.html', origin: string | undefined = 'app://main'): Page {
    return new Page(this, { url, origin, frame: ++this.#frames });
  }

  async invoke(channel: string, event: ElectronInvokeEvent, message: unknown): Promise<unknown> {
    const handler = this.#handlers.get(channel);
    if (!handler) throw new Error(`Error invoking remote method '${channel}': No handler registered`);
    const given = this.cross(message);
    try {
      return this.cross(await handler(event, given));
    } catch (error) {
      throw new Error(`Error invoking remote method '${channel}': ${error}`);
    }
  }

  cross<T>(value: T): T {
    const copy = structuredClone(value);
    this.crossed.push(
      JSON.stringify(copy, (_, member: unknown) =>
        member instanceof Uint8Array ? Buffer.from(member).toString('latin1') : member,
      ) ?? '',
    );
    return copy;
  }
}

type Listener = (event: object, message: unknown) => void;

/** A page, its preload script's modules, and its frame as the main process sees it. */
export class Page {
  readonly frame: {
    url: string;
    origin?: string;
    frameTreeNodeId: number;
    send(channel: string, message: unknown): void;
    isDestroyed(): boolean;
  };
  /** `null` after the frame has gone, while a message of it is still on its way. */
  hasFrame = true;
  isDestroyed = false;
  readonly world: Record<string, unknown> = {};
  readonly #electron: ElectronDouble;
  readonly #listeners: Map<string, Set<Listener>> = new Map();
  readonly #destroyed: (() => void)[] = [];

  constructor(electron: ElectronDouble, how: { url: string; origin: string | undefined; frame: number }) {
    this.#electron = electron;
    this.frame = {
      url: how.url,
      ...(how.origin !== undefined && { origin: how.origin }),
      frameTreeNodeId: how.frame,
      send: (channel, message) => {
        const copy = electron.cross(message);
        for (const listener of this.#listeners.get(channel) ?? []) listener({ sender: 'secret' }, copy);
      },
      isDestroyed: () => this.isDestroyed,
    };
  }

  /** The same for every document that the window shows. */
  readonly #contents: ElectronInvokeEvent['sender'] = {
    once: (_: 'destroyed', listener: () => void) => this.#destroyed.push(listener),
  };

  readonly ipcRenderer: ElectronIpcRenderer = {
    invoke: (channel, message) => this.#electron.invoke(channel, this.#event(), message),
    on: (channel, listener) => {
      const those = this.#listeners.get(channel) ?? new Set();
      this.#listeners.set(channel, those.add(listener as Listener));
    },
  };

  readonly contextBridge: ElectronContextBridge = {
    exposeInMainWorld: (name, api) => {
      this.world[name] = bridged(api);
    },
  };

  /** The API that the preload script has exposed. */
  get bridge(): TokenManagerBridge {
    return this.world['tokenkeep'] as TokenManagerBridge;
  }

  /** Another page in the same frame: nothing of the one before is left but its frame. */
  navigate(url: string, origin: string): void {
    this.#listeners.clear();
    Object.assign(this.frame, { url, origin });
  }

  destroy(): void {
    this.isDestroyed = true;
    for (const listener of this.#destroyed.splice(0)) listener();
  }

  /** How many listeners wait for the end of the window. */
  get mourners(): number {
    return this.#destroyed.length;
  }

  #event(): ElectronInvokeEvent {
    return { sender: this.#contents, senderFrame: this.hasFrame ? this.frame : null };
  }
}

/** As a context bridge passes it: functions as functions, data as copies, of errors the message only. */
function bridged(value: unknown): unknown {
  if (typeof value === 'function') {
    return (...parameters: unknown[]) => {
      const result: unknown = value(...parameters.map(bridged));
      if (!(result instanceof Promise)) return bridged(result);
      return result.then(bridged, (error: Error) => Promise.reject(new Error(error.message)));
    };
  }
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array)
    return structuredClone(value);
  if (Array.isArray(value)) return value.map(bridged);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, bridged(member)]));
}
