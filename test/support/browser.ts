import { vi } from 'vitest';

/** A `Request` as in browsers: part of the platform, with headers that scripts cannot set. */
export function stubBrowserFetch(): void {
  const { Request: Real } = globalThis;
  function make(input: string | URL | Request, init?: RequestInit): Request {
    const request = new Real(input, init);
    for (const name of [...request.headers.keys()]) if (name.startsWith('sec-')) request.headers.delete(name);
    return request;
  }
  make.prototype = Real.prototype;
  vi.stubGlobal('Request', make.bind(undefined));
}

/** Web Locks as in browsers: part of the platform, while those of Node are written in JavaScript. */
export function stubBrowserLocks(scope: 'document' | 'WorkerGlobalScope' = 'WorkerGlobalScope'): void {
  const { locks } = globalThis.navigator;
  vi.stubGlobal(scope, class {});
  vi.stubGlobal('navigator', {
    locks: { request: locks.request.bind(locks), query: locks.query.bind(locks) },
  });
}
