import { isTokenKeepError } from 'tokenkeep';
import { type ConnectedTokenManager, connectTokenManager } from 'tokenkeep/worker';
import { search, spy } from './search.ts';

export type WorkerKind = 'shared worker' | 'service worker' | 'dedicated worker';

/** The dedicated workers that this page has started. */
const started: Worker[] = [];
let kept: ConnectedTokenManager | undefined;
let events: string[] = [];
let download: ReadableStreamDefaultReader<Uint8Array> | undefined;
let stopping = new AbortController();

function manager(): ConnectedTokenManager {
  if (kept === undefined) throw new Error('This page is not connected.');
  return kept;
}

const kinds: Record<WorkerKind, (url: string) => Worker | SharedWorker | ServiceWorkerContainer> = {
  'shared worker': (url) => new SharedWorker(url),
  'service worker': () => navigator.serviceWorker,
  'dedicated worker': (url) => {
    const worker = new Worker(url);
    started.push(worker);
    return worker;
  },
};

/** Resolves when one of these events has come. */
function heard(target: EventTarget, ...types: string[]): Promise<string> {
  return new Promise((resolve) => {
    for (const type of types) target.addEventListener(type, () => resolve(type), { once: true });
  });
}

/** Actions of a page that is connected to a worker. */
export const connected = {
  /** Connects this page. The manager is a global, where a search for tokens begins. */
  async connect(kind: WorkerKind, url: string): Promise<void> {
    if (kind === 'service worker') {
      await navigator.serviceWorker.register(url);
      while (!navigator.serviceWorker.controller?.scriptURL.endsWith(url))
        await heard(navigator.serviceWorker, 'controllerchange');
    }
    kept = connectTokenManager({ worker: () => kinds[kind](url) });
    events = [];
    kept.on('*', ({ type }) => events.push(type));
    Object.assign(globalThis, { kept });
  },
  keptEvents: (): string[] => events,
  /** The worker fetches the tokens from there. */
  keptLogin: (path: string): Promise<unknown> => manager().login(path),
  keptSignOut: (): Promise<{ revoked: boolean }> => manager().signOut(),
  /** The result of a request for an access token. */
  keptToken: (): Promise<string> =>
    manager()
      .getAccessToken()
      .catch(({ name }: Error) => name),
  /** Calls so often at once. Resolves with the different outcomes. */
  async keptCall(url: string, times = 1): Promise<string[]> {
    const one = async (): Promise<string> => {
      try {
        const response = await manager().fetch(url);
        return response.ok
          ? `200 ${((await response.json()) as { token: string }).token}`
          : `${response.status}`;
      } catch (error) {
        if (isTokenKeepError(error)) return 'reason' in error ? `${error.code} ${error.reason}` : error.code;
        return (error as Error).name;
      }
    };
    return [...new Set(await Promise.all(Array.from({ length: times }, one)))];
  },
  /** Starts reading a body, and resolves with its first piece, as text. */
  async keptRead(url: string): Promise<string> {
    stopping = new AbortController();
    const { body } = await manager().fetch(url, { signal: stopping.signal });
    download = (body as ReadableStream<Uint8Array>).getReader();
    return new TextDecoder().decode((await download.read()).value);
  },
  async keptReadOn(): Promise<string | null> {
    const { value } = (await download?.read()) ?? {};
    return value === undefined ? null : new TextDecoder().decode(value);
  },
  /** Reads all there is. Resolves with the length. */
  async keptReadAll(url: string): Promise<number> {
    return (await (await manager().fetch(url)).arrayBuffer()).byteLength;
  },
  /** Aborts what is read. Resolves with how the reading ends. */
  async keptAbort(): Promise<string> {
    const reading = download?.read().then(
      () => 'read',
      (error: Error) => error.message,
    );
    stopping.abort(new Error('enough'));
    return (await reading) ?? 'nothing';
  },
  async keptUpload(url: string, how: 'stream' | 'blob', size: number): Promise<unknown> {
    const blob = new Blob([new Uint8Array(size)]);
    const body = how === 'stream' ? blob.stream() : blob;
    const init = { method: 'POST', body, ...(how === 'stream' && { duplex: 'half' }) } as RequestInit;
    return await (await manager().fetch(url, init)).json();
  },
  /** The dedicated worker ends where it is. */
  terminate(): void {
    for (const worker of started.splice(0)) worker.terminate();
  },

  /** A request that knows nothing of a manager. */
  async plain(url: string): Promise<string> {
    const response = await fetch(url).catch(({ name }: Error) => name);
    return typeof response === 'string' ? response : `${response.status} ${await response.text()}`;
  },
  async image(url: string): Promise<string> {
    const image = new Image();
    const over = heard(image, 'load', 'error');
    image.src = url;
    return `${await over} ${image.naturalWidth}x${image.naturalHeight}`;
  },
  /** Resolves with its length, and its position after a seek, in seconds. */
  async video(url: string, to: number): Promise<string> {
    const video = document.createElement('video');
    // Without it Firefox asks no service worker, and the others are to follow: https://github.com/whatwg/fetch/issues/1936.
    video.crossOrigin = 'anonymous';
    video.preload = 'metadata';
    const over = heard(video, 'loadedmetadata', 'error');
    video.src = url;
    document.body.append(video);
    if ((await over) === 'error') return `error ${video.error?.code} ${video.error?.message}`;
    const sought = heard(video, 'seeked', 'error');
    video.currentTime = to;
    return `${await sought} ${Math.round(video.currentTime)} of ${Math.round(video.duration)}`;
  },
  /** Resolves with the text that a frame shows, if it may be seen. */
  async frame(url: string): Promise<string> {
    const frame = document.createElement('iframe');
    const over = heard(frame, 'load');
    frame.src = url;
    document.body.append(frame);
    await over;
    return frame.contentDocument?.body.textContent ?? 'not seen';
  },

  /** Nothing is stored any more, of other tests neither. */
  async wipe(): Promise<void> {
    localStorage.clear();
    for (const { name } of await indexedDB.databases()) {
      await heard(indexedDB.deleteDatabase(name as string), 'success', 'error');
    }
  },
  spy,
  search,
  /** Puts something where it can be reached, so that it is known what a search finds. */
  plant(text: string): void {
    Object.assign(globalThis, { planted: { deep: new Map([['one', new Set([{ text }])]]) } });
    localStorage.setItem('planted', text);
  },
  uproot(): void {
    Reflect.deleteProperty(globalThis, 'planted');
    localStorage.removeItem('planted');
  },
};
