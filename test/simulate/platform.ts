/**
 * Simulates the clock, chance and other threads of a platform as long as it runs. Code outside of the simulated
 * processes, such as a test runner, gets the platform's own.
 */
import { createHash } from 'node:crypto';
import type { Chance } from './chance.ts';
import { errands } from './process.ts';

// Loaded before the first step: how long the first import of a module takes is not for a schedule to depend on.
await import('../../src/token-endpoint/revocation.ts');

/** Returns how to put everything back. */
export function simulatedPlatform(chance: Chance): () => void {
  let uuids = 0;
  const clock = () => errands.getStore()?.process.clock;
  const { setTimeout, clearTimeout } = globalThis;
  const { now } = Date;
  const { random } = Math;
  const elapsed = performance.now.bind(performance);
  const restore = [
    replace(globalThis.crypto.subtle, 'digest', async (_algorithm: unknown, data: ArrayBufferView) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return Uint8Array.from(createHash('sha256').update(bytes).digest()).buffer;
    }),
    replace(globalThis.crypto, 'randomUUID', () => {
      const name = (++uuids).toString(16).padStart(8, '0');
      return `${name}-0000-4000-8000-000000000000`;
    }),
    replace(Math, 'random', () => (clock() === undefined ? random() : chance.next())),
    replace(Date, 'now', () => clock()?.now() ?? now()),
    replace(performance, 'now', () => clock()?.now() ?? elapsed()),
    replace(globalThis, 'setTimeout', (callback: () => void, delay: number, ...rest: unknown[]) => {
      const simulated = clock();
      if (simulated !== undefined) return simulated.setTimeout(callback, delay);
      return (setTimeout as (...values: unknown[]) => unknown)(callback, delay, ...rest);
    }),
    replace(globalThis, 'clearTimeout', (timer: unknown) => {
      const simulated = clock();
      if (simulated !== undefined) simulated.clearTimeout(timer);
      else clearTimeout(timer as number);
    }),
  ];
  return () => {
    for (const undo of restore) undo();
  };
}

function replace(owner: object, name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(owner, name);
  Object.defineProperty(owner, name, { value, configurable: true, writable: true });
  return () => {
    if (before === undefined) delete (owner as Record<string, unknown>)[name];
    else Object.defineProperty(owner, name, before);
  };
}
