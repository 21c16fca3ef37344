import type { TokenStorage } from 'tokenkeep';

/** Where a refresh can be stopped: what the names say has happened, and nothing after it. */
export type PointName = 'before the marker' | 'after the marker' | 'before the commit' | 'after the commit';

/** A point at which the manager stops, so that the test can do something to its page there. */
export class Point {
  #name: PointName | undefined;
  #arrive: () => void = () => {};
  #go: () => void = () => {};
  reached: Promise<void> = Promise.resolve();
  #gone: Promise<void> = Promise.resolve();

  set(name: PointName): void {
    this.#name = name;
    this.reached = new Promise((resolve) => {
      this.#arrive = resolve;
    });
    this.#gone = new Promise((resolve) => {
      this.#go = resolve;
    });
  }

  goOn(): void {
    this.#go();
  }

  async pass(name: PointName): Promise<void> {
    if (this.#name !== name) return;
    this.#name = undefined;
    this.#arrive();
    await Promise.race([this.#gone, afterASleep()]);
  }
}

/** Resolves when this page has slept: timers of before come first then, so nothing else has had a chance to run. */
function afterASleep(): Promise<void> {
  return new Promise((resolve) => {
    let last = Date.now();
    const timer = setInterval(() => {
      const now = Date.now();
      if (now - last > 5_000) {
        clearInterval(timer);
        resolve();
      }
      last = now;
    }, 50);
  });
}

/** The same storage, with points. */
export function pausing(storage: TokenStorage, point: Point): TokenStorage {
  const isMark = (record: { pendingRefresh?: object }): boolean => record.pendingRefresh !== undefined;
  return {
    ...storage,
    async write(key, record, ifVersion) {
      await point.pass(isMark(record) ? 'before the marker' : 'before the commit');
      const version = await storage.write(key, record, ifVersion);
      await point.pass(isMark(record) ? 'after the marker' : 'after the commit');
      return version;
    },
  };
}
