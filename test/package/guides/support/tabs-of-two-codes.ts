/** A site in a real browser, whose pages have both codes: the replaced one, as `old`, and a guide, as `fresh`. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { script } from '../../../support/package/bundle.ts';

export interface TwoCodes {
  readonly origin: string;
  /** Resolves when a page asks for this path next. */
  asked(path: string): Promise<void>;
  close(): Promise<void>;
}

/** @param oldCode name of a package. @param guide file of an example. */
export async function openTwoCodes(oldCode: string, guide: string): Promise<TwoCodes> {
  const [old, fresh] = await Promise.all([
    script(`export * from '${oldCode}'`, 'old'),
    script(`export * from '${resolve(guide)}'`, 'fresh'),
  ]);
  const page =
    '<!doctype html><title>two codes</title><script src="/old.js"></script><script src="/fresh.js"></script>';
  const files = new Map([
    ['/old.js', old],
    ['/fresh.js', fresh],
  ]);
  const waiting = new Map<string, () => void>();
  const server = createServer(({ url = '' }, response) => {
    const { pathname } = new URL(url, 'http://localhost');
    waiting.get(pathname)?.();
    response.setHeader('content-type', files.has(pathname) ? 'text/javascript' : 'text/html');
    response.end(files.get(pathname) ?? page);
  });
  await new Promise<void>((listening) => server.listen(0, 'localhost', listening));
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    asked: (path) => new Promise((arrived) => waiting.set(path, arrived)),
    async close() {
      const closed = new Promise((ended) => server.close(ended));
      server.closeAllConnections();
      await closed;
    },
  };
}
