/** Searches everything that script in a page can reach, as an attacker's script would. */

/** Tokens of the test server. */
const usual = /(?:access|refresh)-[\w-]{20}/;
/** The messages that have reached this page, as text, since it was spied on. */
export const overheard: string[] = [];

export const textOf = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '';
  }
};

/** From now on all messages that come, and all requests of the page's own `fetch`, are overheard. */
export function spy(): void {
  const hear = ({ data }: MessageEvent): void => void overheard.push(textOf(data));
  const { addEventListener } = EventTarget.prototype;
  EventTarget.prototype.addEventListener = function (this: EventTarget, ...parameters: never[]): void {
    if (parameters[0] === 'message') addEventListener.call(this, 'message', hear as EventListener);
    addEventListener.apply(this, parameters as never);
  };
  const { set } = Object.getOwnPropertyDescriptor(MessagePort.prototype, 'onmessage') as PropertyDescriptor;
  Object.defineProperty(MessagePort.prototype, 'onmessage', {
    set(this: MessagePort, listener: (event: MessageEvent) => void) {
      set?.call(this, (event: MessageEvent) => {
        hear(event);
        listener.call(this, event);
      });
    },
  });
  const { fetch } = globalThis;
  globalThis.fetch = async (input, init) => {
    overheard.push(textOf([input, init, init?.headers && [...new Headers(init.headers)]]));
    return await fetch(input, init);
  };
}

/** Where tokens are found: everything that can be reached from the global object, what was overheard, all storages. */
export async function search(
  token: RegExp = usual,
): Promise<{ places: string[]; seen: number; overheard: number }> {
  const places: string[] = [];
  const seen = new Set<unknown>();
  const queue: [path: string, value: unknown][] = [['globalThis', globalThis]];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const [path, value] = next;
    if (typeof value === 'string' && token.test(value)) places.push(path);
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) continue;
    if (seen.has(value) || value === overheard) continue;
    seen.add(value);
    if (value instanceof Map) for (const [key, one] of value) queue.push([`${path}<${String(key)}>`, one]);
    if (value instanceof Set) for (const one of value) queue.push([`${path}<>`, one]);
    queue.push([`${path}.[prototype]`, Object.getPrototypeOf(value)]);
    for (const key of Reflect.ownKeys(value)) {
      try {
        queue.push([`${path}.${String(key)}`, Reflect.get(value, key)]);
      } catch {
        // A getter that wants another receiver.
      }
    }
  }
  for (const text of overheard) if (token.test(text)) places.push('overheard');
  return { places: [...places, ...(await stored(token))], seen: seen.size, overheard: overheard.length };
}

async function stored(token: RegExp): Promise<string[]> {
  const places: string[] = [];
  for (const [name, area] of Object.entries({ localStorage, sessionStorage })) {
    if (token.test(textOf({ ...area }))) places.push(name);
  }
  if (token.test(document.cookie)) places.push('cookie');
  if (token.test(textOf(performance.getEntries()))) places.push('performance');
  for (const { name } of await indexedDB.databases()) {
    if (token.test(textOf(await contents(name as string)))) places.push(`indexedDB ${name}`);
  }
  for (const name of await caches.keys()) {
    for (const request of await (await caches.open(name)).keys()) {
      const response = await caches.match(request);
      if (token.test(textOf([...request.headers]) + (await response?.text()))) places.push(`cache ${name}`);
    }
  }
  return places;
}

async function contents(name: string): Promise<unknown[]> {
  const done = <T>(request: IDBRequest<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  const database = await done(indexedDB.open(name));
  try {
    const stores = [...database.objectStoreNames];
    if (stores.length === 0) return [];
    const transaction = database.transaction(stores);
    return await Promise.all(stores.map((store) => done(transaction.objectStore(store).getAll())));
  } finally {
    database.close();
  }
}
