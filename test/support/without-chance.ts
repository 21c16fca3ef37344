/** Replaces chance and other threads of the platform, so that a test means the same every time. */
import { createHash } from 'node:crypto';
import { vi } from 'vitest';

/** Hashes are ready in the same turn, and chance is always the middle. Until the test ends. */
export function withoutChance(): void {
  vi.spyOn(globalThis.crypto.subtle, 'digest').mockImplementation(async (_algorithm, data) => {
    const digest = createHash('sha256')
      .update(new Uint8Array(data as ArrayBuffer))
      .digest();
    return Uint8Array.from(digest).buffer;
  });
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
}
