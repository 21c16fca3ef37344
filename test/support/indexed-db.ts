import * as fake from 'fake-indexeddb';
import { afterAll } from 'vitest';

/** Gives this test file the IndexedDB of a browser, without databases, until its tests have ended. Call it at the top of the file. */
export function installIndexedDb(): void {
  const classes = Object.entries(fake).filter(([name]) => name.startsWith('IDB'));
  const globals: [string, unknown][] = [...classes, ['indexedDB', new fake.IDBFactory()]];
  for (const [name, value] of globals)
    Object.defineProperty(globalThis, name, { configurable: true, writable: true, value });
  afterAll(() => {
    for (const [name] of globals) Reflect.deleteProperty(globalThis, name);
  });
}
