/**
 * The two worlds of a page with context isolation: that of its own scripts, and the one in which the preload script
 * runs. They share the document and no object, in Chromium as in Electron; a context bridge passes values through its
 * events.
 */
import { codec } from './codec.ts';

/** The isolated world, and what it calls to reach the main process. */
export const isolatedWorld = 'Electron Isolated Context';
export const binding = 'sendToMainProcess';

type World = 'main' | 'isolated';

interface Message {
  readonly expose?: string;
  readonly api?: unknown;
  readonly settle?: number;
  readonly value?: unknown;
  readonly error?: Error;
  readonly call?: number;
  readonly parameters: unknown[];
  readonly answer?: unknown;
}

/** One world's end of the way to the other one. Calls are answered at once, as the events of a document are. */
function bridgeOf(makeCodec: typeof codec, own: World, other: World) {
  const kept: unknown[] = [];
  const waiting = new Map<number, (settled: { value?: unknown; error?: Error }) => void>();
  let answer: unknown;
  const send = (message: object): void => {
    document.dispatchEvent(new CustomEvent(`to ${other}`, { detail: coded.encode(message) }));
  };
  const coded: ReturnType<typeof codec> = makeCodec({
    keep(value) {
      const id = kept.push(value) - 1;
      const settle = (settled: object) => send({ settle: id, ...settled });
      if (value instanceof Promise)
        value.then(
          (v) => settle({ value: v }),
          (error) => settle({ error }),
        );
      return id;
    },
    call(id, parameters) {
      send({ call: id, parameters });
      const { value, error } = answer as { value?: unknown; error?: Error };
      if (error !== undefined) throw error;
      return value;
    },
    settled: (id) =>
      new Promise((resolve, reject) => {
        waiting.set(id, ({ value, error }) => (error === undefined ? resolve(value) : reject(error)));
      }),
  });
  document.addEventListener(`to ${own}`, (event) => {
    const message = coded.decode((event as CustomEvent<string>).detail) as Message;
    const { expose, api, settle, call, parameters } = message;
    if (expose !== undefined) Object.defineProperty(globalThis, expose, { value: api });
    else if (settle !== undefined) waiting.get(settle)?.(message);
    else if (call !== undefined) {
      try {
        const called = kept[call] as (...parameters: unknown[]) => unknown;
        send({ answer: { value: called(...parameters) } });
      } catch (error) {
        send({ answer: { error } });
      }
    } else answer = message.answer;
  });
  return send;
}

/** The modules of Electron that a sandboxed preload script gets. */
function preloadModules(makeCodec: typeof codec, send: (message: object) => void, toMain: string) {
  const coded = makeCodec();
  const asked: { resolve: (value: unknown) => void; reject: (error: Error) => void }[] = [];
  const listeners: [channel: string, listener: (event: object, message: unknown) => void][] = [];
  const post = (globalThis as unknown as Record<string, (text: string) => void>)[toMain];
  return {
    electron: {
      ipcRenderer: {
        invoke: (channel: string, message: unknown) =>
          new Promise((resolve, reject) => {
            const id = asked.push({ resolve, reject }) - 1;
            post?.(coded.encode({ id, channel, message }));
          }),
        on: (...one: (typeof listeners)[number]) => void listeners.push(one),
      },
      contextBridge: {
        exposeInMainWorld: (expose: string, api: unknown) => send({ expose, api }),
      },
    },
    /** The output of the main process. */
    hear(text: string): void {
      const { id, value, error, channel, message } = coded.decode(text) as Record<string, unknown>;
      for (const [name, listener] of listeners) if (name === channel) listener({}, message);
      if (typeof id !== 'number') return;
      if (error === undefined) asked[id]?.resolve(value);
      else asked[id]?.reject(error as Error);
    },
  };
}

/** Runs in the world of the page, before its scripts. */
export const pageSource = `if (window === top) (${bridgeOf})(${codec}, 'main', 'isolated');`;

/** Runs in the isolated world. A preload script that is sandboxed has no modules but Electron's. */
export function preloadSource(preload: string): string {
  return `if (window === top) {
    const { electron, hear } = (${preloadModules})(${codec}, (${bridgeOf})(${codec}, 'isolated', 'main'), '${binding}');
    globalThis.hear = hear;
    const require = (name) => {
      if (name !== 'electron') throw new Error('module not found: ' + name);
      return electron;
    };
    ((require, module) => { ${preload}\n })(require, { exports: {} });
  }`;
}
